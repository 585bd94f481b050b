//! How much each feedback source counts, and the phase that follows from it.

/// Shares of the four sources; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub session: f64,
    pub auto: f64,
    pub manual: f64,
    pub benchmark: f64,
}

/// Where a task shape stands on its way from benchmarks to its own sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Day0,
    Auto,
    Nps,
}

const DAY0: Weights = Weights {
    session: 0.0,
    auto: 0.0,
    manual: 0.0,
    benchmark: 1.0,
};
const AUTO: Weights = Weights {
    session: 0.0,
    auto: 0.5,
    manual: 0.2,
    benchmark: 0.3,
};
const NPS: Weights = Weights {
    session: 0.5,
    auto: 0.3,
    manual: 0.1,
    benchmark: 0.1,
};

/// Scored requests after which judge and manual scores have their full weight.
pub const AUTO_ANCHOR: f64 = 10.0;
/// Rated sessions after which session ratings have their full weight.
pub const NPS_ANCHOR: f64 = 10.0;

/// The published table, exact at its anchors, with the cubic `h(x) = x²(3−2x)` between them.
pub fn phase_weights(scored_requests: f64, rated_sessions: f64) -> Weights {
    let own = smooth(scored_requests / AUTO_ANCHOR);
    let rated = smooth(rated_sessions / NPS_ANCHOR);
    mix(mix(DAY0, AUTO, own), NPS, rated)
}

/// The phase named in a decision: the latest anchor that was fully reached.
pub fn phase(scored_requests: f64, rated_sessions: f64) -> Phase {
    if rated_sessions >= NPS_ANCHOR {
        Phase::Nps
    } else if scored_requests >= AUTO_ANCHOR {
        Phase::Auto
    } else {
        Phase::Day0
    }
}

fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

fn mix(from: Weights, to: Weights, share: f64) -> Weights {
    let at = |a: f64, b: f64| (1.0 - share) * a + share * b;
    Weights {
        session: at(from.session, to.session),
        auto: at(from.auto, to.auto),
        manual: at(from.manual, to.manual),
        benchmark: at(from.benchmark, to.benchmark),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_are_exact_at_the_anchors() {
        assert_eq!(phase_weights(0.0, 0.0), DAY0);
        assert_eq!(phase_weights(10.0, 0.0), AUTO);
        assert_eq!(phase_weights(10.0, 10.0), NPS);
        assert_eq!(phase_weights(4_000.0, 900.0), NPS);
    }

    proptest! {
        #[test]
        fn weights_sum_to_one_and_benchmark_only_falls(r in 0.0..40.0f64, q in 0.0..40.0f64, d in 0.0..5.0f64) {
            let w = phase_weights(r, q);
            prop_assert!((w.session + w.auto + w.manual + w.benchmark - 1.0).abs() < 1e-12);
            prop_assert!(phase_weights(r + d, q).benchmark <= w.benchmark + 1e-12);
            prop_assert!(phase_weights(r, q + d).session >= w.session - 1e-12);
        }
    }
}
