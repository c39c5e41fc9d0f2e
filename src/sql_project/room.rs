//! The rooms of the project.

/// A room of the project, in the order data walks through them: a relation reads its own room and those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// The raw tables, typed, a relation each.
    Staging,
    /// What the business rules leave of them, up to the run's moment.
    Clean,
    /// Which list earned which click and which order.
    Attribution,
    /// What is known of datasets, users and both together.
    Marts,
    /// What only training reads.
    Training,
    /// How good lists are.
    Evaluate,
    /// The business's orders beside Matomo's.
    Reconcile,
    /// The files of the old system, under their old names.
    Legacy,
    /// Assertions: every row is a violation.
    Checks,
    /// What analysts add; they read every other room.
    Views,
}

impl Room {
    /// All rooms, the first that data comes to first.
    pub const ALL: [Self; 10] = [
        Self::Staging,
        Self::Clean,
        Self::Attribution,
        Self::Marts,
        Self::Training,
        Self::Evaluate,
        Self::Reconcile,
        Self::Legacy,
        Self::Checks,
        Self::Views,
    ];

    /// The room's folder below the project's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Staging => "sql/staging",
            Self::Clean => "sql/clean",
            Self::Attribution => "sql/attribution",
            Self::Marts => "sql/marts",
            Self::Training => "sql/training",
            Self::Evaluate => "sql/evaluate",
            Self::Reconcile => "sql/reconcile",
            Self::Legacy => "sql/legacy",
            Self::Checks => "sql/checks",
            Self::Views => "views",
        }
    }

    /// Whether a relation of this room may read one of `other`. An assertion may be about anything.
    pub fn may_read(self, other: Self) -> bool {
        self == Self::Checks || other <= self
    }
}
