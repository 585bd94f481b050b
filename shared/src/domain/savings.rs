//! What a call cost beside what the tenant's default model would have cost for the same tokens, from its record alone:
//! whoever has the record comes to the same figures, to the micro-USD.
//!
//! `docs/optimization.md` says the same for whoever recomputes without us.

use super::{
    decision::{Decision, Ending, Stage},
    ids::CandidateKey,
    money::{Prices, Usage},
};

/// Millionths: what rates are told in.
pub const PPM: u64 = 1_000_000;

/// What a call is priced by, as it was in force when the call came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The tenant's default model.
    pub baseline: Option<CandidateKey>,
    /// `None`: not known.
    pub baseline_prices: Option<Prices>,
    /// Of whoever served; `None`: nobody did, or they are not known.
    pub served_prices: Option<Prices>,
    /// The version of the table that both are from.
    pub table_version: u64,
}

/// Why a call counts for no savings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// A copy that was sent to learn: nobody was answered by it.
    Shadow,
    /// Its record is of a version that kept no prices.
    NotRecorded,
    /// Its end is not known yet.
    Unfinished,
    /// An evaluation asked.
    Evaluation,
    /// A stored reply was given: neither model was asked.
    CacheHit,
    /// It followed no routing rule.
    NoRule,
    /// It failed, or its caller left.
    Unanswered,
    /// The tenant had no default model.
    NoBaseline,
    /// The price of one of the two models is not known.
    NoPrice,
    /// The provider told no tokens, so that they are estimates.
    UsageEstimated,
}

impl Excluded {
    /// Each of them, in the order in which they are looked for: the first that holds is told.
    pub const ALL: [Self; 10] = [
        Self::Shadow,
        Self::NotRecorded,
        Self::Unfinished,
        Self::Evaluation,
        Self::CacheHit,
        Self::NoRule,
        Self::Unanswered,
        Self::NoBaseline,
        Self::NoPrice,
        Self::UsageEstimated,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::NotRecorded => "not_recorded",
            Self::Unfinished => "unfinished",
            Self::Evaluation => "evaluation",
            Self::CacheHit => "cache_hit",
            Self::NoRule => "no_rule",
            Self::Unanswered => "unanswered",
            Self::NoBaseline => "no_baseline",
            Self::NoPrice => "no_price",
            Self::UsageEstimated => "usage_estimated",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == name)
    }
}

/// What the figures follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub is_shadow: bool,
    pub is_recorded: bool,
    pub is_finished: bool,
    pub is_evaluation: bool,
    pub is_cache_hit: bool,
    pub has_rule: bool,
    /// Somebody served, to the end and with a status below 400.
    pub is_answered: bool,
    pub has_baseline: bool,
    pub baseline_prices: Option<Prices>,
    pub served_prices: Option<Prices>,
    pub usage: Usage,
    pub is_estimated: bool,
    /// Of tries that were paid for in vain.
    pub wasted_micro_usd: u64,
}

/// In micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The call's tokens at the baseline's prices, rounded half up once.
    pub baseline_micro_usd: u64,
    /// The same at the prices of whoever served, and the tries in vain.
    pub actual_micro_usd: u64,
}

impl Figures {
    /// Below 0: the call cost more than at the baseline.
    pub fn savings_micro_usd(self) -> i64 {
        signed(self.baseline_micro_usd).saturating_sub(signed(self.actual_micro_usd))
    }
}

fn signed(micro_usd: u64) -> i64 {
    i64::try_from(micro_usd).unwrap_or(i64::MAX)
}

impl Facts {
    /// Those of a record.
    pub fn of(d: &Decision) -> Self {
        let priced = d.priced.as_ref();
        let is_finished = d.stage == Stage::Finished;
        let is_whole = d.outcome.ending == Ending::Completed && d.outcome.status < 400;
        let wasted = d.attempts.iter().filter_map(|a| a.wasted_micro_usd);
        Self {
            is_shadow: d.shadow_of.is_some(),
            is_recorded: priced.is_some(),
            is_finished,
            is_evaluation: d.evaluation,
            is_cache_hit: d.cache_hit().is_some(),
            has_rule: d.rule.is_some(),
            is_answered: is_finished && is_whole && d.served.is_some(),
            has_baseline: priced.is_some_and(|p| p.baseline.is_some()),
            baseline_prices: priced.and_then(|p| p.baseline_prices),
            served_prices: priced.and_then(|p| p.served_prices),
            usage: d.outcome.usage,
            is_estimated: d.outcome.usage_estimated,
            wasted_micro_usd: wasted.fold(0, u64::saturating_add),
        }
    }

    /// Why the call counts for nothing; `None`: it counts.
    pub fn excluded(&self) -> Option<Excluded> {
        let holds = |why: &Excluded| match why {
            Excluded::Shadow => self.is_shadow,
            Excluded::NotRecorded => !self.is_recorded,
            Excluded::Unfinished => !self.is_finished,
            Excluded::Evaluation => self.is_evaluation,
            Excluded::CacheHit => self.is_cache_hit,
            Excluded::NoRule => !self.has_rule,
            Excluded::Unanswered => !self.is_answered,
            Excluded::NoBaseline => !self.has_baseline,
            Excluded::NoPrice => self.baseline_prices.is_none() || self.served_prices.is_none(),
            Excluded::UsageEstimated => self.is_estimated,
        };
        Excluded::ALL.into_iter().find(holds)
    }

    /// What the call cost here and there, also where it does not count; `None`: that cannot be told.
    pub fn figures(&self) -> Option<Figures> {
        if self.is_shadow || self.is_cache_hit || !self.is_answered {
            return None;
        }
        let served = self.served_prices?.cost_micro_usd(self.usage);
        Some(Figures {
            baseline_micro_usd: self.baseline_prices?.cost_micro_usd(self.usage),
            actual_micro_usd: served.saturating_add(self.wasted_micro_usd),
        })
    }

    /// What counts.
    pub fn counted(&self) -> Result<Figures, Excluded> {
        match self.excluded() {
            Some(why) => Err(why),
            // What is not excluded was answered at known prices.
            None => self.figures().ok_or(Excluded::NoPrice),
        }
    }
}

/// `max(0, savings × rate)`, rounded down to whole micro-USD.
pub fn invoice_micro_usd(savings_micro_usd: i64, rate_ppm: u32) -> u64 {
    let due = i128::from(savings_micro_usd.max(0)) * i128::from(rate_ppm) / i128::from(PPM);
    u64::try_from(due).unwrap_or(u64::MAX)
}

/// A share from 0 to 1 in millionths; `None` where it is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be in range"
)]
pub fn rate_ppm(rate: f64) -> Option<u32> {
    (0.0..=1.0)
        .contains(&rate)
        .then(|| (rate * 1e6).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(input: u64, output: u64) -> Option<Prices> {
        Some(Prices {
            input_micro_usd_per_mtok: input,
            output_micro_usd_per_mtok: output,
            cached_input_micro_usd_per_mtok: None,
        })
    }

    fn counted() -> Facts {
        Facts {
            is_shadow: false,
            is_recorded: true,
            is_finished: true,
            is_evaluation: false,
            is_cache_hit: false,
            has_rule: true,
            is_answered: true,
            has_baseline: true,
            baseline_prices: prices(2_500_000, 10_000_000),
            served_prices: prices(150_000, 600_000),
            usage: Usage {
                input: 1_000,
                cached_input: 0,
                output: 100,
            },
            is_estimated: false,
            wasted_micro_usd: 10,
        }
    }

    #[test]
    fn what_counts_is_the_same_tokens_at_both_prices_and_what_was_paid_in_vain() {
        let figures = counted().counted().expect("counts");
        assert_eq!(
            (figures.baseline_micro_usd, figures.actual_micro_usd),
            (3_500, 220)
        );
        assert_eq!(figures.savings_micro_usd(), 3_280);
        let same = Facts {
            served_prices: counted().baseline_prices,
            wasted_micro_usd: 0,
            ..counted()
        };
        assert_eq!(same.counted().expect("counts").savings_micro_usd(), 0);
    }

    #[test]
    fn the_first_reason_that_holds_is_told() {
        type Spoil = fn(&mut Facts);
        let cases: [(Excluded, Spoil); 10] = [
            (Excluded::UsageEstimated, |f| f.is_estimated = true),
            (Excluded::NoPrice, |f| f.served_prices = None),
            (Excluded::NoBaseline, |f| f.has_baseline = false),
            (Excluded::Unanswered, |f| f.is_answered = false),
            (Excluded::NoRule, |f| f.has_rule = false),
            (Excluded::CacheHit, |f| f.is_cache_hit = true),
            (Excluded::Evaluation, |f| f.is_evaluation = true),
            (Excluded::Unfinished, |f| f.is_finished = false),
            (Excluded::NotRecorded, |f| f.is_recorded = false),
            (Excluded::Shadow, |f| f.is_shadow = true),
        ];
        // Each of them holds together with all before it.
        let mut facts = counted();
        for (why, spoil) in cases {
            spoil(&mut facts);
            assert_eq!(facts.counted(), Err(why));
            assert_eq!(Excluded::parse(why.as_str()), Some(why));
        }
    }

    #[test]
    fn an_invoice_is_rounded_down_and_never_below_zero() {
        let rate = rate_ppm(0.15).expect("a share");
        assert_eq!(rate, 150_000);
        for (savings, due) in [(1_000, 150), (999, 149), (6, 0), (-1_000, 0), (0, 0)] {
            assert_eq!(invoice_micro_usd(savings, rate), due, "{savings}");
        }
        assert_eq!(invoice_micro_usd(i64::MAX, 1_000_000), i64::MAX as u64);
        assert_eq!((rate_ppm(1.1), rate_ppm(f64::NAN)), (None, None));
    }
}
