//! Where an observation came from.

use floopy_shared::domain::implicit::ImplicitKind;

/// The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Session = 1,
    Auto = 2,
    Manual = 3,
    /// Counts rated sessions of a shape; its candidate is empty.
    Rated = 4,
    /// Counts how often a shape stood below another in a chain; its candidate is that other shape.
    Parent = 5,
    /// Calls that a candidate failed at: outcomes of zero, whatever scale the judge has.
    Failed = 6,
    /// Products of shares of a session's label; its candidate is a [`super::pair`].
    Pair = 7,
    /// What both judge and person scored: its candidate says which moment, or which place of the joint histogram.
    Agreement = 8,
    /// How long replies took, as [`super::latency_micro`].
    Latency = 9,
    /// Calls in the shadow and, as their sum, what they cost in micro-USD; its candidate is empty.
    Shadow = 10,
    /// Scores of what was served, and of candidates as if they alone had served; see `versus`. The candidate is
    /// empty for what was served.
    Versus = 11,
    /// The same with squared weights, for the error of their means.
    VersusSquared = 12,
    /// What replies cost: their number, and as their sums micro-USD and the squares of micro-USD.
    Cost = 13,
    /// Scores of replies in the shadow once more; those that failed are zeros.
    Tried = 14,
    /// Scores that models were asked for and, as their sum, what asking cost in micro-USD; its candidate is empty.
    Judging = 15,
    /// Counts what callers did after a reply; see [`Source::of_implicit`].
    AskedAgain = 16,
    Retried = 17,
    Left = 18,
    InvalidToolCall = 19,
    Capped = 20,
    Abandoned = 21,
}

impl Source {
    const ALL: [Self; 21] = [
        Self::Session,
        Self::Auto,
        Self::Manual,
        Self::Rated,
        Self::Parent,
        Self::Failed,
        Self::Pair,
        Self::Agreement,
        Self::Latency,
        Self::Shadow,
        Self::Versus,
        Self::VersusSquared,
        Self::Cost,
        Self::Tried,
        Self::Judging,
        Self::AskedAgain,
        Self::Retried,
        Self::Left,
        Self::InvalidToolCall,
        Self::Capped,
        Self::Abandoned,
    ];

    /// Reads the stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|source| *source as i64 == code)
    }

    /// Whether its sums are money, which counts by the day.
    pub fn is_spend(self) -> bool {
        matches!(self, Self::Shadow | Self::Judging)
    }

    /// Where what a caller did is counted.
    pub fn of_implicit(kind: ImplicitKind) -> Self {
        match kind {
            ImplicitKind::AskedAgain => Self::AskedAgain,
            ImplicitKind::Retried => Self::Retried,
            ImplicitKind::Left => Self::Left,
            ImplicitKind::InvalidToolCall => Self::InvalidToolCall,
            ImplicitKind::Capped => Self::Capped,
            ImplicitKind::Abandoned => Self::Abandoned,
        }
    }
}
