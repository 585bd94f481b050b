//! Sums and samples that guards compare candidates by.

use serde::{Deserialize, Serialize};

/// Values of whom it replaces that were compared with nothing yet. Each is used once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Fresh {
    n: f64,
    sum: f64,
}

impl Fresh {
    pub(super) const NONE: Self = Self { n: 0.0, sum: 0.0 };

    pub(super) fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
    }

    pub(super) fn take(&mut self) -> Option<f64> {
        let taken = std::mem::replace(self, Self::NONE);
        (taken.n > 0.0).then(|| taken.sum / taken.n)
    }
}

/// All values of whom it replaces, as far as they were seen beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Mean {
    pub(super) const NONE: Self = Self {
        n: 0.0,
        sum: 0.0,
        squares: 0.0,
    };

    pub(super) fn n(&self) -> f64 {
        self.n
    }

    pub(super) fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }

    pub(super) fn error(&self) -> f64 {
        let n = self.n.max(1.0);
        let mean = self.sum / n;
        ((self.squares / n - mean * mean).max(0.0) / n).sqrt()
    }
}

/// The newest values, for what is typical once nobody is left to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Newest(Vec<f64>);

/// Values that a median is taken of.
const TYPICAL_OF: usize = 31;

impl Newest {
    pub(super) const NONE: Self = Self(Vec::new());

    pub(super) fn add(&mut self, value: f64) {
        if self.0.len() == TYPICAL_OF {
            self.0.remove(0);
        }
        self.0.push(value);
    }

    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}
