//! For whom something holds: a rule, a variety, an experiment may be for some sources and devices alone. Requests that nothing
//! tells apart share their lists.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::common::device::Device;
use crate::common::language::t;

/// The most sources that one file may tell apart: each has policies and cached lists of its own.
pub const MOST_SOURCES: usize = 50;

/// Those who ask from one of the sources, on one of the devices; where none is named, from any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// As requests name them, in lower case.
    #[serde(default)]
    pub sources: Vec<String>,
    /// `mobile`, `tablet`, `desktop`, `bot` or `unknown`.
    #[serde(default)]
    pub devices: Vec<Device>,
}

impl Audience {
    /// Whether a request is of it. `None` is a source or device that nobody names.
    pub fn includes(&self, source: Option<&str>, device: Option<Device>) -> bool {
        let is_from = self.sources.is_empty() || source.is_some_and(|source| self.sources.iter().any(|s| s == source));
        is_from && (self.devices.is_empty() || device.is_some_and(|device| self.devices.contains(&device)))
    }

    /// Whether a request may be of both.
    pub fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
            one.is_empty() || other.is_empty() || one.iter().any(|value| other.contains(value))
        }
        meet(&self.sources, &other.sources) && meet(&self.devices, &other.devices)
    }

    /// Puts its names into the form in which requests are compared.
    ///
    /// # Errors
    /// A source is none, or there are too many.
    pub fn settle(&mut self) -> Result<()> {
        for source in &mut self.sources {
            *source = source.trim().to_lowercase();
            ensure!(!source.is_empty(), t!("a source is a name, such as search", "来源须为名称，如 search"));
        }
        ensure!(
            self.sources.len() <= MOST_SOURCES,
            t!("names more than {MOST_SOURCES} sources", "来源不能超过 {MOST_SOURCES} 个")
        );
        Ok(())
    }
}

/// The sources and devices that are told apart, and so the kinds of requests there are. The first is that of all others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audiences {
    sources: Vec<String>,
    devices: Vec<Device>,
}

impl Audiences {
    /// Those that are named.
    pub fn new<'a>(sources: impl Iterator<Item = &'a str>, devices: impl Iterator<Item = Device>) -> Self {
        let sources: BTreeSet<&str> = sources.collect();
        let named: Vec<Device> = devices.collect();
        let devices = Device::ALL.into_iter().filter(|device| named.contains(device)).collect();
        Self { sources: sources.into_iter().map(str::to_owned).collect(), devices }
    }

    /// How many kinds of requests there are.
    pub fn count(&self) -> usize {
        (self.sources.len() + 1) * (self.devices.len() + 1)
    }

    /// Which kind a request is of.
    pub fn of(&self, source: Option<&str>, device: Device) -> u16 {
        let source = source.and_then(|source| self.sources.iter().position(|named| named == source));
        let device = self.devices.iter().position(|named| *named == device);
        let number = |place: Option<usize>| place.map_or(0, |place| place + 1);
        (number(source) * (self.devices.len() + 1) + number(device)) as u16
    }

    /// The kinds in the order of their numbers, by the names they have.
    pub fn all(&self) -> impl Iterator<Item = (Option<&str>, Option<Device>)> {
        let sources = std::iter::once(None).chain(self.sources.iter().map(|source| Some(source.as_str())));
        sources.flat_map(|source| {
            let devices = std::iter::once(None).chain(self.devices.iter().copied().map(Some));
            devices.map(move |device| (source, device))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sources: &[&str], devices: &[Device]) -> Audience {
        Audience { sources: sources.iter().map(|source| (*source).to_owned()).collect(), devices: devices.to_vec() }
    }

    #[test]
    fn every_kind_has_its_number_and_what_is_not_named_shares_the_first() {
        let audiences = Audiences::new(["search", "home", "search"].into_iter(), [Device::Mobile].into_iter());
        let all: Vec<_> = audiences.all().collect();
        assert_eq!((all.len(), audiences.count()), (6, 6));
        for (number, (source, device)) in all.into_iter().enumerate() {
            let device = device.unwrap_or(Device::Desktop);
            assert_eq!(audiences.of(source, device), number as u16);
        }
        assert_eq!(audiences.of(Some("elsewhere"), Device::Tablet), 0);
        assert_eq!((Audiences::default().count(), Audiences::default().of(Some("search"), Device::Mobile)), (1, 0));
    }

    #[test]
    fn an_audience_includes_whom_it_names() {
        let phones = of(&[], &[Device::Mobile, Device::Tablet]);
        assert!(phones.includes(None, Some(Device::Tablet)) && !phones.includes(Some("search"), None));
        let both = of(&["search"], &[Device::Mobile]);
        assert!(
            both.includes(Some("search"), Some(Device::Mobile)) && !both.includes(Some("home"), Some(Device::Mobile))
        );
        assert!(Audience::default().includes(None, None));
        assert!(both.overlaps(&phones) && both.overlaps(&Audience::default()));
        assert!(!both.overlaps(&of(&["home"], &[])) && !both.overlaps(&of(&["search"], &[Device::Desktop])));
    }
}
