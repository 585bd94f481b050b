//! The attempts of one call, kept so that an abandoned one is not lost.

use std::time::Instant;

use floopy_shared::domain::{
    decision::{Attempt, AttemptResult},
    ids::CandidateKey,
};

/// Attempts under way at the same time: a call and its hedge.
const LANES: usize = 2;

/// Attempts in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    attempts: Vec<Attempt>,
    under_way: [Option<UnderWay>; LANES],
    /// The one whose reply is passed on.
    served: Option<usize>,
}

/// An attempt without an end.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    index: usize,
    begun: Instant,
    /// What it costs if its provider has to be left in the middle of it.
    forecast_micro_usd: Option<u64>,
}

/// Names an attempt under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane(usize);

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub result: AttemptResult,
    pub status: Option<u16>,
    /// What its provider calls it.
    pub upstream_request_id: Option<Box<str>>,
    /// The share of its provider's work that served nobody, and will have to be paid for all the same.
    pub worked_in_vain: f64,
}

impl Trail {
    pub(crate) fn begin(&mut self, key: &CandidateKey, forecast_micro_usd: Option<u64>) -> Lane {
        let free = self.under_way.iter().position(Option::is_none);
        let lane = free.unwrap_or(LANES - 1);
        self.under_way[lane] = Some(UnderWay {
            index: self.attempts.len(),
            begun: Instant::now(),
            forecast_micro_usd,
        });
        self.attempts.push(Attempt {
            key: key.clone(),
            // Until it is known better: whoever asked is gone.
            result: AttemptResult::ClientGone,
            status: None,
            latency_ms: 0,
            wasted_micro_usd: forecast_micro_usd,
            upstream_request_id: None,
        });
        Lane(lane)
    }

    pub(crate) fn end(&mut self, Lane(lane): Lane, ended: Ended) {
        let Some(under_way) = self.under_way[lane].take() else {
            return;
        };
        let Some(attempt) = self.attempts.get_mut(under_way.index) else {
            return;
        };
        let elapsed = under_way.begun.elapsed().as_millis();
        attempt.latency_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        attempt.result = ended.result;
        attempt.status = ended.status;
        attempt.upstream_request_id = ended.upstream_request_id;
        let share = ended.worked_in_vain;
        let forecast = under_way.forecast_micro_usd.filter(|_| share > 0.0);
        attempt.wasted_micro_usd = forecast.map(|whole| (whole as f64 * share).round() as u64);
        if ended.result == AttemptResult::Ok {
            self.served = Some(under_way.index);
        }
    }

    /// What the attempt that served came to after it had begun well.
    pub(crate) fn revise(&mut self, result: AttemptResult) {
        let served = self.served.and_then(|index| self.attempts.get_mut(index));
        if let Some(served) = served {
            served.result = result;
        }
    }

    /// All attempts so far.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.clone()
    }

    /// All attempts; those still under way were abandoned by the client.
    pub(crate) fn close(&mut self) -> Vec<Attempt> {
        for lane in 0..LANES {
            let gone = Ended {
                result: AttemptResult::ClientGone,
                status: None,
                upstream_request_id: None,
                worked_in_vain: 1.0,
            };
            self.end(Lane(lane), gone);
        }
        std::mem::take(&mut self.attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Ended = Ended {
        result: AttemptResult::Ok,
        status: Some(200),
        upstream_request_id: None,
        worked_in_vain: 0.0,
    };

    #[test]
    fn a_hedge_that_lost_keeps_its_place_and_its_cost() {
        let key = |text| CandidateKey::parse(text).expect("valid");
        let mut trail = Trail::default();
        let first = trail.begin(&key("a/m"), Some(70));
        let hedge = trail.begin(&key("b/m"), Some(50));
        trail.end(hedge, OK);
        let cancelled = Ended {
            result: AttemptResult::Cancelled,
            status: None,
            upstream_request_id: None,
            worked_in_vain: 1.0,
        };
        trail.end(first, cancelled);
        trail.revise(AttemptResult::BrokenStream);
        let results = trail.close();
        let seen: Vec<_> = results
            .iter()
            .map(|a| (a.key.as_str(), a.result, a.wasted_micro_usd))
            .collect();
        let expected = [
            ("a/m", AttemptResult::Cancelled, Some(70)),
            ("b/m", AttemptResult::BrokenStream, None),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn of_work_that_was_done_in_part_that_part_is_paid_for() {
        let mut trail = Trail::default();
        let lane = trail.begin(&CandidateKey::parse("a/m").expect("valid"), Some(10));
        let failed = Ended {
            result: AttemptResult::UpstreamError,
            status: Some(500),
            upstream_request_id: None,
            worked_in_vain: 0.25,
        };
        trail.end(lane, failed);
        assert_eq!(trail.close()[0].wasted_micro_usd, Some(3));
    }

    #[test]
    fn an_abandoned_attempt_is_paid_for() {
        let mut trail = Trail::default();
        trail.begin(&CandidateKey::parse("a/m").expect("valid"), Some(9));
        let abandoned = trail.close();
        assert_eq!(
            (abandoned[0].result, abandoned[0].wasted_micro_usd),
            (AttemptResult::ClientGone, Some(9))
        );
    }
}
