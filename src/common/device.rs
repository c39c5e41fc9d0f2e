//! Kinds of devices that lists are shown on.

use serde::{Deserialize, Serialize};

/// What a visitor looks at a list with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// A phone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A computer.
    Desktop,
    /// None: a crawler reads.
    Bot,
    /// A program, or nothing that says what it is.
    #[default]
    Unknown,
}

impl Device {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mobile, Self::Tablet, Self::Desktop, Self::Bot, Self::Unknown];

    /// Its name in answers, in the exposure log, in rules and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Desktop => "desktop",
            Self::Bot => "bot",
            Self::Unknown => "unknown",
        }
    }

    /// That of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.name() == name)
    }
}
