//! All that speaks for an entry, beside the strongest ground that its reason gives: the channels, and the same as codes that
//! the replaced system had (`behavior+content`).

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Pool, Reason};
use crate::model::{Channel, Feature};

/// What may speak for an entry: a channel, or what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    Channel(Channel),
    /// Of the content: tags alike.
    Tags,
    /// Of the content: what texts mean.
    Meaning,
    /// Viewed just now.
    Trending,
    /// An editor's rule.
    Rule,
}

/// All of them, in the order in which they are told.
const ALL: [Ground; 12] = [
    Ground::Rule,
    Ground::Channel(Channel::Behaviour),
    Ground::Channel(Channel::Graph),
    Ground::Channel(Channel::Sessions),
    Ground::Channel(Channel::Lists),
    Ground::Channel(Channel::Content),
    Ground::Tags,
    Ground::Meaning,
    Ground::Channel(Channel::Visual),
    Ground::Channel(Channel::Taste),
    Ground::Trending,
    Ground::Channel(Channel::Popular),
];

impl Ground {
    /// What a program of the replaced system calls it.
    fn code(self) -> &'static str {
        match self {
            Self::Channel(Channel::Behaviour | Channel::Graph | Channel::Lists) => "behavior",
            Self::Channel(Channel::Sessions | Channel::Taste) => "usercf",
            Self::Channel(Channel::Content) => "content",
            Self::Channel(Channel::Visual) => "visual",
            Self::Channel(Channel::Popular) | Self::Trending => "popular",
            Self::Tags => "tag",
            Self::Meaning => "vector",
            Self::Rule => "rule",
        }
    }

    /// The channel that it is of.
    fn channel(self) -> &'static str {
        match self {
            Self::Channel(channel) => channel.name(),
            Self::Tags | Self::Meaning => Channel::Content.name(),
            Self::Trending => "trending",
            Self::Rule => "rule",
        }
    }

    /// The one that a reason names.
    fn of(reason: &Reason) -> Self {
        Self::Channel(match reason {
            Reason::Behaviour { .. } => Channel::Behaviour,
            Reason::Kin { .. } | Reason::Alike { .. } => Channel::Graph,
            Reason::Seen | Reason::Prefix { .. } => Channel::Sessions,
            Reason::Content { .. } | Reason::New { .. } => Channel::Content,
            Reason::Pictures { .. } => Channel::Visual,
            Reason::Taste { .. } => Channel::Taste,
            Reason::Popular { .. } => Channel::Popular,
            Reason::Trending { .. } | Reason::Visited { .. } => return Self::Trending,
            Reason::Pinned => return Self::Rule,
        })
    }

    /// Whether it says enough for a candidate to be told.
    fn speaks(self, pool: &Pool, candidate: usize) -> bool {
        let figure = |feature: Feature| pool.columns.column(feature)[candidate];
        match self {
            Self::Channel(Channel::Behaviour) => {
                pool.neighbours[candidate].visits > 0
                    || figure(Feature::Organic) > 0.0
                    || figure(Feature::Followed) > 0.0
            }
            Self::Channel(Channel::Graph) => figure(Feature::Kinship) > 0.3 || figure(Feature::Bridge) > 0.0,
            Self::Channel(Channel::Sessions) => {
                figure(Feature::Seen) > 0.0 || figure(Feature::PrefixBehaviour) > 0.0 || figure(Feature::Session) > 0.1
            }
            Self::Channel(Channel::Content) => figure(Feature::Lexical) + figure(Feature::Dense) >= 0.2,
            Self::Channel(Channel::Visual) => figure(Feature::Pictures) > 0.8,
            Self::Channel(Channel::Lists) => figure(Feature::Lift) > 1.0 && figure(Feature::Examined) > 0.0,
            Self::Channel(Channel::Taste) => figure(Feature::Taste) > 0.3,
            Self::Tags => figure(Feature::Tags) >= 0.3,
            Self::Meaning => figure(Feature::Dense) >= 0.5,
            // nearly everything is viewed: popularity is told where nothing else is to be said
            Self::Channel(Channel::Popular) | Self::Trending | Self::Rule => false,
        }
    }

    fn bit(self) -> u16 {
        ALL.iter().position(|ground| *ground == self).map_or(0, |place| 1 << place)
    }
}

/// All grounds of an entry, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grounds {
    strongest: Ground,
    all: u16,
}

impl Grounds {
    /// The one that a reason names, alone.
    pub fn alone(reason: &Reason) -> Self {
        let strongest = Ground::of(reason);
        Self { strongest, all: strongest.bit() }
    }

    /// Those of a candidate that is there for a reason.
    pub(super) fn of(pool: &Pool, candidate: usize, reason: &Reason) -> Self {
        let spoken = ALL.into_iter().filter(|ground| ground.speaks(pool, candidate));
        let Self { strongest, all } = Self::alone(reason);
        Self { strongest, all: spoken.fold(all, |all, ground| all | ground.bit()) }
    }

    fn each(self) -> impl Iterator<Item = Ground> {
        let others = ALL.into_iter().filter(move |ground| self.all & ground.bit() != 0 && *ground != self.strongest);
        std::iter::once(self.strongest).chain(others)
    }

    /// The names of the channels.
    pub fn channels(self) -> Channels {
        Channels(self)
    }

    /// The codes, joined by `+`.
    pub fn code(self) -> Code {
        Code(self)
    }
}

/// Says each name once.
fn once(names: impl Iterator<Item = &'static str>) -> impl Iterator<Item = &'static str> {
    let mut said = [""; ALL.len()];
    names.enumerate().filter_map(move |(place, name)| {
        let is_new = !said.contains(&name);
        said[place.min(ALL.len() - 1)] = name;
        is_new.then_some(name)
    })
}

/// The names of channels, as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Channels(Grounds);

impl Serialize for Channels {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_seq(once(self.0.each().map(Ground::channel)))
    }
}

/// Codes with `+` between.
#[derive(Clone, Copy, Debug)]
pub struct Code(Grounds);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, code) in once(self.0.each().map(Ground::code)).enumerate() {
            if place > 0 {
                f.write_str("+")?;
            }
            f.write_str(code)?;
        }
        Ok(())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Neighbour;

    #[test]
    fn every_channel_is_told_under_its_name_and_a_code() {
        for channel in Channel::ALL {
            let ground = Ground::Channel(channel);
            assert!(ground.bit() != 0 && ground.channel() == channel.name());
        }
        let alone = |reason: Reason| {
            let grounds = Grounds::alone(&reason);
            format!("{} {}", grounds.code(), serde_json::to_string(&grounds.channels()).expect("JSON"))
        };
        assert_eq!(alone(Reason::Pinned), r#"rule ["rule"]"#);
        assert_eq!(alone(Reason::Visited { visitors: 3 }), r#"popular ["trending"]"#);
        assert_eq!(alone(Reason::Taste { similarity: 0.5 }), r#"usercf ["taste"]"#);
    }

    #[test]
    fn the_strongest_comes_first_and_each_name_once() {
        let mut pool = Pool { items: vec![3], neighbours: vec![Neighbour::default()], ..Pool::default() };
        for (feature, value) in [
            (Feature::Organic, 0.1),
            (Feature::Kinship, 0.5),
            (Feature::Lexical, 0.5),
            (Feature::Tags, 0.5),
            (Feature::Dense, 0.6),
            (Feature::Taste, 0.2),
        ] {
            pool.columns.column_mut(feature)[0] = value;
        }
        let grounds = Grounds::of(&pool, 0, &Reason::Content { similarity: 0.5, same_provider: false });
        assert_eq!(grounds.code().to_string(), "content+behavior+tag+vector");
        assert_eq!(serde_json::to_string(&grounds.channels()).expect("JSON"), r#"["content","behaviour","graph"]"#);
    }
}
