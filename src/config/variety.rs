//! How much variety lists have, for everyone and by where they are shown: `0.1, search=0.6, mobile=-0.1`.

use crate::common::device::Device;

/// Where nothing is said of all others.
const EVERYONE: f32 = 0.1;

/// The most there may be.
const MOST: f32 = 10.0;

/// The most sources that are told apart.
const MOST_SOURCES: usize = 50;

/// How much a dataset that is like one above it moves down a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Variety {
    /// In lists of which nothing else is said.
    pub everyone: f32,
    /// In lists of a source, in its place.
    sources: Vec<(String, f32)>,
    /// On a device, beside that.
    devices: Vec<(Device, f32)>,
}

impl Variety {
    /// Reads a number, and `name=number` for sources and devices; `None` where it is none of these.
    pub fn read(text: &str) -> Option<Self> {
        let mut variety = Self { everyone: EVERYONE, sources: Vec::new(), devices: Vec::new() };
        for (place, part) in text.split([',', ';']).map(str::trim).enumerate() {
            let number = |text: &str, least: f32| {
                let number = text.trim().parse().ok();
                number.filter(|number: &f32| (least..=MOST).contains(number))
            };
            match part.split_once('=') {
                None if place == 0 => variety.everyone = number(part, 0.0)?,
                None => return None,
                Some((name, value)) => {
                    let name = name.trim().to_lowercase();
                    let is_again = variety.sources.iter().any(|(named, _)| *named == name)
                        || variety.devices.iter().any(|(named, _)| named.name() == name);
                    if is_again || name.contains(char::is_whitespace) {
                        return None;
                    }
                    match Device::named(&name) {
                        Some(device) => variety.devices.push((device, number(value, -MOST)?)),
                        None if name.is_empty() => return None,
                        None => variety.sources.push((name, number(value, 0.0)?)),
                    }
                }
            }
        }
        (variety.sources.len() <= MOST_SOURCES).then_some(variety)
    }

    /// That of lists of a source on a device.
    pub fn of(&self, source: Option<&str>, device: Option<Device>) -> f32 {
        let base = source.and_then(|source| self.sources.iter().find(|(named, _)| named == source));
        let more = device.and_then(|device| self.devices.iter().find(|(named, _)| *named == device));
        (base.map_or(self.everyone, |(_, value)| *value) + more.map_or(0.0, |(_, value)| *value)).clamp(0.0, MOST)
    }

    /// The sources that it names.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|(name, _)| name.as_str())
    }

    /// The devices that it names.
    pub fn devices(&self) -> impl Iterator<Item = Device> {
        self.devices.iter().map(|(device, _)| *device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_holds_for_everyone_and_names_change_it() {
        let of = |text: &str| Variety::read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(of("0.3").of(Some("search"), Some(Device::Mobile)), 0.3);
        let old = of("search=0.6, landing=0.3, Home=0.3, detail=.5, similar=0.4, mobile=-0.1");
        for (source, device, expected) in [
            (None, None, 0.1),
            (Some("elsewhere"), Some(Device::Desktop), 0.1),
            (Some("search"), Some(Device::Desktop), 0.6),
            (Some("search"), Some(Device::Mobile), 0.5),
            (Some("home"), None, 0.3),
            (None, Some(Device::Mobile), 0.0),
        ] {
            assert!((old.of(source, device) - expected).abs() < 1e-6, "{source:?} {device:?}");
        }
        assert_eq!(of("0.2; mobile=-5").of(None, Some(Device::Mobile)), 0.0);
        assert_eq!((old.sources().count(), old.devices().collect::<Vec<_>>()), (5, vec![Device::Mobile]));
    }

    #[test]
    fn what_is_no_variety_is_none() {
        for text in [
            "",
            "much",
            "-1",
            "11",
            "0.1,0.2",
            "search=-1",
            "search=",
            "=0.1",
            "mobile=-11",
            "nan",
            "search=nan",
            "0.1 search=0.6",
            "search=0.6, search=0.2",
        ] {
            assert_eq!(Variety::read(text), None, "{text}");
        }
        let many: Vec<String> = (0..51).map(|number| format!("s{number}=1")).collect();
        assert_eq!(Variety::read(&many.join(",")), None);
    }
}
