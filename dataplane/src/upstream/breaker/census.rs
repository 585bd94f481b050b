//! How many candidates are left alone.

use std::iter::Sum;

/// How many candidates are left alone, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub open: u64,
    /// Their time is over: a probe is under way, or the next call is one.
    pub half_open: u64,
    /// Their provider asked for a pause.
    pub resting: u64,
}

impl Sum for Census {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            open: sum.open + one.open,
            half_open: sum.half_open + one.half_open,
            resting: sum.resting + one.resting,
        })
    }
}
