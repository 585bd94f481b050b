//! What gates look at besides the sums over all days: the last days one by one, what replies cost, and what the
//! shadow was judged to be worth. Kept only for tenants whose gates can close.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    gates::Window,
    ids::CandidateKey,
    shape::{ROOT, ShapeKey},
};

use super::{
    credit::{Cell, Source},
    sums::{Moments, Sums},
};

/// What was observed of one candidate in one shape within some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub session: Sums,
    pub auto: Sums,
    pub manual: Sums,
    pub failed: Sums,
    /// See [`Source::Cost`].
    pub cost: Sums,
}

/// Cells by shape and candidate.
type Cells<T> = BTreeMap<ShapeKey, BTreeMap<CandidateKey, T>>;

/// A tenant's last days.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recent {
    /// The first day that is kept.
    since: i64,
    days: BTreeMap<i64, Cells<Seen>>,
    /// Scores of replies in the shadow, a failure being a zero; of all days.
    tried: Cells<Sums>,
}

impl Recent {
    /// The first day that any gate looks at.
    pub fn first_day(today: i64) -> i64 {
        Window::ALL
            .into_iter()
            .map(|window| first_day(window, today))
            .fold(today, i64::min)
    }

    /// Takes those of a tenant's cells that are of the days from `since` on, and what was tried.
    pub fn collect<'a>(cells: impl IntoIterator<Item = (&'a Cell, Sums)>, since: i64) -> Self {
        let mut recent = Self {
            since,
            ..Self::default()
        };
        for (cell, sums) in cells {
            recent.add(cell, sums);
        }
        recent
    }

    /// Adds to one cell; negative sums take away what was added before.
    pub fn add(&mut self, cell: &Cell, sums: Sums) {
        let of: fn(&mut Seen) -> &mut Sums = match cell.source {
            Source::Session => |seen| &mut seen.session,
            Source::Auto => |seen| &mut seen.auto,
            Source::Manual => |seen| &mut seen.manual,
            Source::Failed => |seen| &mut seen.failed,
            Source::Cost => |seen| &mut seen.cost,
            Source::Tried => return add(&mut self.tried, cell, |tried| *tried += sums),
            Source::Rated
            | Source::Parent
            | Source::Pair
            | Source::Agreement
            | Source::Latency
            | Source::Shadow
            | Source::Versus
            | Source::VersusSquared
            | Source::Judging
            | Source::AskedAgain
            | Source::Retried
            | Source::Left
            | Source::InvalidToolCall
            | Source::Capped
            | Source::Abandoned => return,
        };
        if cell.day >= self.since {
            let day = self.days.entry(cell.day).or_default();
            add(day, cell, |seen| *of(seen) += sums);
        }
    }

    /// Whether days are kept that no gate looks at any more.
    pub fn is_behind(&self, today: i64) -> bool {
        self.since < Self::first_day(today)
    }

    /// Forgets the days that no gate looks at any more.
    pub fn catch_up(&mut self, today: i64) {
        self.since = self.since.max(Self::first_day(today));
        self.days = self.days.split_off(&self.since);
    }

    /// What was observed within a window that ends today.
    pub fn within(&self, (window, today): (Window, i64), shape: &str, key: &str) -> Seen {
        let days = self.days.range(first_day(window, today)..=today);
        let of_days = days.filter_map(|(_, cells)| cells.get(shape)?.get(key));
        of_days.fold(Seen::default(), |all, seen| all.with(seen))
    }

    /// What the shadow was judged to be worth in a shape.
    pub fn tried(&self, shape: &str, key: &str) -> Moments {
        let tried = self.tried.get(shape).and_then(|arms| arms.get(key));
        tried.map(|sums| sums.moments()).unwrap_or_default()
    }

    /// The same over all shapes.
    pub fn tried_at_all(&self, key: &str) -> Moments {
        self.tried(ROOT, key)
    }
}

fn first_day(window: Window, today: i64) -> i64 {
    today - window.days() + 1
}

fn add<T: Default + PartialEq>(cells: &mut Cells<T>, cell: &Cell, change: impl FnOnce(&mut T)) {
    let (Some(shape), Ok(key)) = (ShapeKey::named(&cell.shape), CandidateKey::parse(&cell.arm))
    else {
        return;
    };
    let arms = cells.entry(shape).or_default();
    let held = arms.entry(key).or_default();
    change(held);
    // What was taken away for good takes no room.
    if *held == T::default() {
        arms.retain(|_, held| *held != T::default());
        cells.retain(|_, arms| !arms.is_empty());
    }
}

impl Seen {
    fn with(&self, other: &Self) -> Self {
        Self {
            session: self.session + other.session,
            auto: self.auto + other.auto,
            manual: self.manual + other.manual,
            failed: self.failed + other.failed,
            cost: self.cost + other.cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::sums::ONE;

    fn cell(source: Source, day: i64) -> Cell {
        Cell {
            shape: "all".into(),
            arm: "p/m".into(),
            source,
            day,
        }
    }

    fn scored(recent: &Recent, window: Window) -> f64 {
        let seen = recent.within((window, 10), "all", "p/m");
        seen.auto.weight()
    }

    #[test]
    fn a_window_has_its_days_and_no_others() {
        let one = Sums::of(ONE, ONE);
        let cells: Vec<Cell> = (0..=11).map(|day| cell(Source::Auto, day)).collect();
        let first = Recent::first_day(10);
        let mut recent = Recent::collect(cells.iter().map(|cell| (cell, one)), first);
        assert_eq!(first, 4);
        assert_eq!(scored(&recent, Window::Rolling7d), 7.0);
        assert_eq!(scored(&recent, Window::Rolling24h), 2.0);
        assert!(!recent.is_behind(10) && recent.is_behind(11));
        recent.catch_up(12);
        assert_eq!(scored(&recent, Window::Rolling7d), 5.0);
        recent.add(&cells[4], one);
        assert_eq!(scored(&recent, Window::Rolling7d), 5.0, "day 4 is gone");
    }

    #[test]
    fn what_was_tried_counts_whenever_it_was_and_what_is_taken_away_leaves_nothing() {
        let mut recent = Recent::collect([], 5);
        let one = Sums::of(ONE, 400_000);
        for source in [Source::Tried, Source::Cost, Source::Auto] {
            recent.add(&cell(source, 0), one);
        }
        assert_eq!(recent.tried_at_all("p/m").n, 1.0);
        assert_eq!(scored(&recent, Window::Rolling7d), 0.0);
        recent.add(&cell(Source::Tried, 0), -one);
        recent.add(&cell(Source::Cost, 9), one);
        recent.add(&cell(Source::Cost, 9), -one);
        assert_eq!(recent.tried, Cells::new());
        assert!(recent.days.values().all(BTreeMap::is_empty));
    }
}
