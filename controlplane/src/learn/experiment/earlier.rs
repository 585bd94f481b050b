//! What is known of users from before an experiment, so that who happened to come is not taken for a difference.
//!
//! CUPED (Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled experiments by utilizing
//! pre-experiment data", WSDM 2013): from the quality of a session is taken by how much its user's earlier sessions were
//! better or worse than others. Variants are drawn apart from that, so both sides lose the same on average: their
//! difference stays, and varies less by what the past explains. How much of a user's past counts is found in the past
//! alone, where in the paper it is fitted to the experiment, and once, when the experiment begins: so nothing that is looked
//! at changes it, and the bounds hold at every look.

use std::collections::BTreeMap;

use floopy_shared::domain::weights::{AUTO_ANCHOR, NPS_ANCHOR, phase_weights};
use serde::{Deserialize, Serialize};

use super::{Call, Units};

/// Sessions of users with several of them that it takes to know how much one says of the next.
const MIN_SESSIONS: usize = 50;
/// Share of the variance below which the past says nothing.
const MIN_EXPLAINED: f64 = 0.02;
/// Of those who came most often. The others are taken as they are.
const MAX_USERS: usize = 20_000;
/// The most that is taken from a session, or added to it: so that no two users are further apart than sessions are.
const MAX_LIFT: f64 = 0.5;

/// By how much the sessions of users were better or worse than those of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    lifts: BTreeMap<String, f64>,
    /// Sessions of users that something is known of.
    pub sessions: usize,
    /// Share of the variance of their sessions that the users' other ones explain, each left out in its turn.
    pub explained: f64,
}

/// Qualities of one user's sessions.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Past {
    fn mean(self) -> f64 {
        self.sum / self.n
    }

    /// Squared distances from their mean.
    fn within(self) -> f64 {
        (self.squares - self.sum * self.mean()).max(0.0)
    }
}

impl Earlier {
    /// Of calls before an experiment; `None`: they are too few, or say nothing of those after them.
    pub fn of(calls: &[Call]) -> Option<Self> {
        let qualities = qualities(calls);
        // In an order of their own, as sums are rounded.
        let mut pasts: BTreeMap<&str, Past> = BTreeMap::new();
        for (user, quality) in &qualities {
            let past = pasts.entry(user).or_default();
            past.n += 1.0;
            past.sum += quality;
            past.squares += quality * quality;
        }
        let all = pasts.values().fold(Past::default(), |all, past| Past {
            n: all.n + past.n,
            sum: all.sum + past.sum,
            squares: all.squares + past.squares,
        });
        let usual = all.mean();
        let weight = weight(&pasts, all)?;
        let lift = |past: Past| past.n / (past.n + weight) * (past.mean() - usual);
        let mut left_out = (0.0, 0.0);
        let mut repeated = 0;
        for (user, quality) in &qualities {
            let Some(past) = pasts.get(user).filter(|past| past.n > 1.0) else {
                continue;
            };
            let others = Past {
                n: past.n - 1.0,
                sum: past.sum - quality,
                squares: 0.0,
            };
            let off = quality - usual;
            left_out.0 += (off - lift(others)).powi(2);
            left_out.1 += off * off;
            repeated += 1;
        }
        let explained = 1.0 - left_out.0 / left_out.1;
        if repeated < MIN_SESSIONS || explained.is_nan() || explained < MIN_EXPLAINED {
            return None;
        }
        let mut often: Vec<(&str, Past)> = pasts.into_iter().collect();
        often.sort_by(|(_, one), (_, other)| other.n.total_cmp(&one.n));
        often.truncate(MAX_USERS);
        let lifted = often.into_iter().map(|(user, past)| {
            let lift = lift(past).clamp(-MAX_LIFT, MAX_LIFT);
            // As it is written down.
            (user.to_owned(), (lift * 1_000.0).round() / 1_000.0)
        });
        let lifts: BTreeMap<String, f64> = lifted.collect();
        Some(Self {
            sessions: qualities.len(),
            lifts,
            explained,
        })
    }

    /// Users of whom something is known.
    pub fn users(&self) -> usize {
        self.lifts.len()
    }

    /// What is taken from the quality of a user's session: nothing of who was not there before.
    pub(super) fn lift(&self, user: Option<&str>) -> f64 {
        let known = user.and_then(|user| self.lifts.get(user));
        known.copied().unwrap_or(0.0)
    }

    /// Between what a mean must be guessed so that no session is further from it than 1.
    pub(super) fn guesses(&self) -> (f64, f64) {
        let (least, most) = self
            .lifts
            .values()
            .fold((0.0_f64, 0.0_f64), |(least, most), lift| {
                (least.min(*lift), most.max(*lift))
            });
        (-least, 1.0 - most)
    }
}

/// Of each session of a user that anything is known of, in the order of their first calls.
fn qualities(calls: &[Call]) -> Vec<(&str, f64)> {
    let weights = phase_weights(AUTO_ANCHOR, NPS_ANCHOR);
    let mut units = Units::default();
    for call in calls.iter().filter(|call| call.user.is_some()) {
        units.label(call, false);
    }
    let known = units.known.into_iter();
    known
        .filter_map(|(labels, user)| Some((user?, labels.quality(&weights)?)))
        .collect()
}

/// How many sessions of one user count as much as what is usual of all: the variance of a user's sessions over that of users,
/// by the method of moments for groups that differ in size (Searle, Casella and McCulloch, "Variance Components", 1992,
/// section 3.6). `None`: users do not differ.
fn weight(pasts: &BTreeMap<&str, Past>, all: Past) -> Option<f64> {
    let users = pasts.len() as f64;
    let free = all.n - users;
    if users < 2.0 || free < 1.0 {
        return None;
    }
    let within = pasts.values().map(|past| past.within()).sum::<f64>() / free;
    let apart = pasts
        .values()
        .map(|past| past.n * (past.mean() - all.mean()).powi(2));
    let between = apart.sum::<f64>() / (users - 1.0);
    let sizes = pasts.values().map(|past| past.n * past.n).sum::<f64>();
    let size = (all.n - sizes / all.n) / (users - 1.0);
    let variance = (between - within) / size;
    (variance > 0.0).then(|| within / variance)
}

#[cfg(test)]
mod tests;
