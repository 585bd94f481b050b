//! What a candidate on its way is watched for, against whom it replaces: each channel a test of its own.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::values::{Fresh, Mean, Newest};
use crate::learn::{
    bets::{Bets, MEANS, RARE, SIGNS, Stakes},
    monitor::Observed,
};

/// What can get worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Quality,
    Failures,
    Refusals,
    Latency,
    Cost,
}

impl Channel {
    pub const ALL: [Self; 5] = [
        Self::Quality,
        Self::Failures,
        Self::Refusals,
        Self::Latency,
        Self::Cost,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Failures => "failures",
            Self::Refusals => "refusals",
            Self::Latency => "latency",
            Self::Cost => "cost",
        }
    }

    fn stakes(self) -> &'static Stakes {
        match self {
            Self::Quality | Self::Refusals => &MEANS,
            Self::Failures => &RARE,
            Self::Latency | Self::Cost => &SIGNS,
        }
    }
}

/// How much worse a candidate may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Of the mean score, on 0..1.
    pub quality_drop: f64,
    /// Times the typical cost of whom it replaces; `None`: it may cost what it wants.
    pub cost_ratio: Option<f64>,
}

/// Share of calls that may fail before failing is a fault: providers promise about 99.9 %, and keep 97 %.
pub const FAILURES: f64 = 0.03;
/// Share of calls that may be refused besides what is refused anyway.
pub const REFUSALS: f64 = 0.03;
/// Times the typical latency of whom it replaces.
pub const LATENCY_RATIO: f64 = 3.0;
/// The least that a promotion may leave open: of equals nobody can show more.
const LEAST_MARGIN: f64 = 0.01;

impl Limits {
    /// How much worse the mean score may be for the next step: twice what is tolerated, as the guard goes on.
    pub fn margin(&self) -> f64 {
        (2.0 * self.quality_drop).max(LEAST_MARGIN)
    }
}

/// Capital at which a candidate is taken back: it is by mistake in one of 1,000 at most, ever and per channel.
pub const ROLLBACK: f64 = 1_000.0;
/// The same once it serves alone, where changes are looked for at any time: observations between two mistakes.
pub const ROLLBACK_LIVE: f64 = 10_000.0;
/// Capital that the next step takes: whoever is worse by the margin takes it in one of 20 at most.
pub const PROMOTION: f64 = 20.0;

/// Sessions that are remembered; a session is as a rule over before as many others are scored.
const SESSIONS: usize = 512;

/// One channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Guard {
    bets: Bets,
    /// Of the candidate.
    seen: Mean,
    /// Of whom it replaces.
    replaced: Mean,
    fresh: Fresh,
    newest: Newest,
}

impl Guard {
    const NEW: Self = Self {
        bets: Bets::ONCE,
        seen: Mean::NONE,
        replaced: Mean::NONE,
        fresh: Fresh::NONE,
        newest: Newest::NONE,
    };

    fn replaced(&mut self, value: f64) {
        self.fresh.add(value);
        self.replaced.add(value);
        self.newest.add(value);
    }
}

/// What a channel says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub channel: Channel,
    /// Capital of the bets that the candidate is worse than its limit.
    pub capital: f64,
    /// Capital at which it is taken back.
    pub bound: f64,
    pub observations: f64,
    pub mean: Option<f64>,
    pub replaced_observations: f64,
    pub replaced_mean: Option<f64>,
}

/// All of them, and what speaks for the next step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guards {
    quality: Guard,
    failures: Guard,
    refusals: Guard,
    latency: Guard,
    cost: Guard,
    better: Bets,
    /// Scores since the step began.
    step_scores: u32,
    /// Whether it serves alone.
    live: bool,
    /// The last ones that were scored, by a hash.
    sessions: VecDeque<u32>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            quality: Guard::NEW,
            failures: Guard::NEW,
            refusals: Guard::NEW,
            latency: Guard::NEW,
            cost: Guard::NEW,
            better: Bets::ONCE,
            step_scores: 0,
            live: false,
            sessions: VecDeque::new(),
        }
    }
}

/// What was seen of one call, in the words of the channels.
fn values(outcome: &Observed) -> Vec<(Channel, f64)> {
    match outcome {
        Observed::Scored(score) => vec![(Channel::Quality, *score)],
        Observed::Failed => vec![(Channel::Failures, 1.0)],
        Observed::Answered(call) => {
            let mut values = vec![(Channel::Failures, 0.0)];
            let refused = if call.refused { 1.0 } else { 0.0 };
            values.push((Channel::Refusals, refused));
            #[expect(clippy::cast_precision_loss, reason = "one call's time and money")]
            let number = |value: u64| value as f64;
            values.extend(call.latency_ms.map(|ms| (Channel::Latency, number(ms))));
            values.extend(call.cost_micro_usd.map(|c| (Channel::Cost, number(c))));
            values
        }
    }
}

impl Guards {
    /// Takes in what came of a call to whom the candidate replaces.
    pub fn replaced(&mut self, outcome: &Observed, session: Option<u32>) {
        let is_again = self.is_again(outcome, session);
        for (channel, value) in values(outcome).into_iter().filter(|_| !is_again) {
            self.guard_mut(channel).replaced(value);
        }
    }

    /// Takes in what came of a call to the candidate.
    pub fn observe(&mut self, outcome: &Observed, session: Option<u32>, limits: &Limits) {
        let is_again = self.is_again(outcome, session);
        for (channel, value) in values(outcome).into_iter().filter(|_| !is_again) {
            self.take(channel, value, limits);
        }
    }

    /// Whether a session was scored before: what is asked in it is hard or easy as a whole, so that only its first
    /// score says something of its own.
    fn is_again(&mut self, outcome: &Observed, session: Option<u32>) -> bool {
        let Some(session) = session.filter(|_| matches!(outcome, Observed::Scored(_))) else {
            return false;
        };
        if self.sessions.contains(&session) {
            return true;
        }
        if self.sessions.len() == SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions.push_back(session);
        false
    }

    fn take(&mut self, channel: Channel, value: f64, limits: &Limits) {
        let live = self.live;
        let guard = self.guard_mut(channel);
        guard.seen.add(value);
        let fresh = if channel == Channel::Failures {
            Some(FAILURES)
        } else if live {
            guard.usual(channel)
        } else {
            guard.fresh.take()
        };
        let Some(reference) = fresh else {
            return;
        };
        if channel == Channel::Quality {
            self.step_scores += 1;
            let gain = value - reference + limits.margin();
            self.better.bet(gain.clamp(-1.5, 2.0), &MEANS);
        }
        let Some(gain) = worse(channel, (value, reference), limits) else {
            return;
        };
        let bets = &mut self.guard_mut(channel).bets;
        if live {
            bets.bet_anew(gain, channel.stakes());
        } else {
            bets.bet(gain, channel.stakes());
        }
    }

    /// The first channel that says that the candidate is worse than it may be.
    pub fn alarm(&self) -> Option<Channel> {
        let is_over = |channel: &Channel| self.guard(*channel).bets.capital() >= self.bound();
        Channel::ALL.into_iter().find(is_over)
    }

    /// Whether enough speaks for the next step: that it is not worse than whom it replaces by the margin.
    pub fn is_passed(&self) -> bool {
        self.better.capital() >= PROMOTION
    }

    /// What speaks for the next step.
    pub fn capital(&self) -> f64 {
        self.better.capital()
    }

    /// Scores of the candidate that were compared since the step began.
    pub fn step_scores(&self) -> u32 {
        self.step_scores
    }

    /// A new step begins: what spoke for the last one is spent. What speaks against the candidate is not.
    pub fn begin_step(&mut self) {
        self.better = Bets::ONCE;
        self.step_scores = 0;
    }

    /// The candidate serves alone from now on: what was usual before is what it is compared with.
    pub fn begin_live(&mut self) {
        self.begin_step();
        self.live = true;
        for channel in Channel::ALL {
            self.guard_mut(channel).bets = Bets::RESTARTED;
        }
    }

    /// What every channel says.
    pub fn readings(&self) -> Vec<Reading> {
        let reading = |channel: Channel| {
            let guard = self.guard(channel);
            Reading {
                channel,
                capital: guard.bets.capital(),
                bound: self.bound(),
                observations: guard.seen.n(),
                mean: guard.seen.mean(),
                replaced_observations: guard.replaced.n(),
                replaced_mean: guard.replaced.mean(),
            }
        };
        Channel::ALL.into_iter().map(reading).collect()
    }

    fn bound(&self) -> f64 {
        if self.live { ROLLBACK_LIVE } else { ROLLBACK }
    }

    fn guard(&self, channel: Channel) -> &Guard {
        match channel {
            Channel::Quality => &self.quality,
            Channel::Failures => &self.failures,
            Channel::Refusals => &self.refusals,
            Channel::Latency => &self.latency,
            Channel::Cost => &self.cost,
        }
    }

    fn guard_mut(&mut self, channel: Channel) -> &mut Guard {
        match channel {
            Channel::Quality => &mut self.quality,
            Channel::Failures => &mut self.failures,
            Channel::Refusals => &mut self.refusals,
            Channel::Latency => &mut self.latency,
            Channel::Cost => &mut self.cost,
        }
    }
}

impl Guard {
    /// What was usual of whom it replaced, in the candidate's favour by one standard error.
    fn usual(&self, channel: Channel) -> Option<f64> {
        match channel {
            Channel::Quality => Some(self.replaced.mean()? - self.replaced.error()),
            Channel::Failures | Channel::Refusals => {
                Some(self.replaced.mean()? + self.replaced.error())
            }
            Channel::Latency | Channel::Cost => self.newest.median(),
        }
    }
}

/// By how much the candidate is worse than it may be: at most zero on average for one that is not. `None`: it may be
/// what it wants.
fn worse(channel: Channel, (value, reference): (f64, f64), limits: &Limits) -> Option<f64> {
    // Half of its calls may be above the ratio.
    let sign = |ratio: f64| if value > ratio * reference { 1.0 } else { -1.0 };
    match channel {
        Channel::Quality => Some(reference - value - limits.quality_drop),
        Channel::Failures => Some(value - reference),
        Channel::Refusals => Some(value - reference - REFUSALS),
        Channel::Latency => Some(sign(LATENCY_RATIO)),
        Channel::Cost => limits.cost_ratio.map(sign),
    }
}
