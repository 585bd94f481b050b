//! What a reply is judged by: four dimensions, each on 0..1, and how they make one number.

use floopy_shared::domain::{event::Score, ids::RequestId};

/// One reply as a judge sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exchange<'a> {
    pub prompt: &'a str,
    pub reply: &'a str,
    /// The reply was cut off, by its length limit or on its way to us.
    pub truncated: bool,
    /// The caller asked for JSON.
    pub json_expected: bool,
}

/// The verdict on each dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Is it about what was asked?
    pub relevance: f64,
    /// Does it hang together: whole, well formed, not repeating itself?
    pub coherence: f64,
    /// Does it do what was asked, as thoroughly as the question deserves?
    pub helpfulness: f64,
    /// Is it free of harm?
    pub safety: f64,
}

/// Shares of the dimensions in the composite. Relevance and helpfulness are what users rate; safety is
/// nearly constant for today's models, so that a larger share would only flatten the differences.
const RELEVANCE: f64 = 0.35;
const COHERENCE: f64 = 0.20;
const HELPFULNESS: f64 = 0.35;
const SAFETY: f64 = 0.10;

impl Verdict {
    /// The weighted mean, on 0..1.
    pub fn composite(&self) -> f64 {
        let sum = RELEVANCE * self.relevance
            + COHERENCE * self.coherence
            + HELPFULNESS * self.helpfulness
            + SAFETY * self.safety;
        sum.clamp(0.0, 1.0)
    }

    /// As it is reported.
    pub fn to_score(self, request_id: RequestId, judge: &str) -> Score {
        Score {
            request_id,
            relevance: self.relevance,
            coherence: self.coherence,
            helpfulness: self.helpfulness,
            safety: self.safety,
            composite: self.composite(),
            judge: judge.to_owned(),
            cost_micro_usd: 0,
            probability: None,
            weight: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let best = Verdict {
            relevance: 1.0,
            coherence: 1.0,
            helpfulness: 1.0,
            safety: 1.0,
        };
        assert!((best.composite() - 1.0).abs() < 1e-12);
    }
}
