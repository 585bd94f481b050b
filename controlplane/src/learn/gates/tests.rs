//! Facts about each gate: what closes it, what opens it, and what it does where there is nothing to judge by.

use floopy_shared::domain::{gates::OPEN_GATES, shape::ROOT};

use super::*;
use crate::learn::{
    agreement::Agreement,
    credit::{Cell, Source},
    stats::TenantStats,
    sums::{ONE, to_micro},
};

const TODAY: i64 = 20_000;
const WEEK: Window = Window::Rolling7d;
const BASE: &str = "p/base";
const OTHER: &str = "p/other";

/// What happened, in the shape `class:code` and at the root.
#[derive(Default)]
struct Past {
    recent: Recent,
}

impl Past {
    fn new() -> Self {
        Self {
            recent: Recent::collect([], Recent::first_day(TODAY)),
        }
    }

    fn add(mut self, (shape, arm): (&str, &str), (source, day): (Source, i64), sums: Sums) -> Self {
        let cell = Cell {
            shape: shape.into(),
            arm: arm.into(),
            source,
            day,
        };
        self.recent.add(&cell, sums);
        self
    }

    /// So many scores of this mean, half of them a tenth above and half of them a tenth below.
    fn scored(
        self,
        place: (&str, &str),
        (source, day): (Source, i64),
        (n, mean): (i64, f64),
    ) -> Self {
        let half = |value: f64| Sums::of(n * ONE / 2, to_micro(value));
        self.add(place, (source, day), half(mean - 0.1) + half(mean + 0.1))
    }

    /// So many replies at this price in micro-USD, half of them a tenth dearer and half of them a tenth cheaper.
    fn cost(self, place: (&str, &str), (n, each): (i64, i64)) -> Self {
        let half = |each: i64| Sums {
            n: n * ONE / 2,
            sum: n / 2 * each,
            sumsq: n / 2 * each * each,
        };
        let sums = half(each * 9 / 10) + half(each * 11 / 10);
        self.add(place, (Source::Cost, TODAY), sums)
    }

    fn judge(&self, gates: &Gates) -> Option<Gate> {
        self.judge_with(gates, (50.0, Some(100), Some(100)))
    }

    fn judge_with(
        &self,
        gates: &Gates,
        (samples, price, baseline_price): (f64, Option<u64>, Option<u64>),
    ) -> Option<Gate> {
        let key = |name| CandidateKey::parse(name).expect("valid");
        let (baseline, other) = (key(BASE), key(OTHER));
        let court = Court {
            guarded: Guarded {
                gates,
                recent: &self.recent,
                today: TODAY,
            },
            levels: &["class:code", ROOT],
            scales: &Scales::of(&TenantStats::default(), &Agreement::default()),
            baseline: &baseline,
            baseline_price,
        };
        court.judge(&Challenger {
            key: &other,
            samples,
            price,
        })
    }
}

fn rolling(value: f64, window: Window) -> Option<Rolling> {
    Some(Rolling { value, window })
}

const BOTH: [(&str, &str); 2] = [("class:code", BASE), ("class:code", OTHER)];

fn regression(value: f64, window: Window) -> Gates {
    Gates {
        max_regression: rolling(value, window),
        ..OPEN_GATES
    }
}

/// The baseline scores 0.8 and the other one less by `drop`, `n` times each, on this day.
fn dropped(drop: f64, (n, day): (i64, i64)) -> Past {
    Past::new()
        .scored(BOTH[0], (Source::Auto, day), (n, 0.8))
        .scored(BOTH[1], (Source::Auto, day), (n, 0.8 - drop))
}

#[test]
fn a_regression_closes_its_gate_once_it_is_more_than_noise() {
    let gate = Some(Gate::MaxRegression);
    let closes = |drop, n| dropped(drop, (n, TODAY)).judge(&regression(0.05, WEEK));
    assert_eq!(closes(0.2, 40), gate);
    assert_eq!(closes(0.06, 40), None, "not told from the bound yet");
    assert_eq!(closes(0.06, 4_000), gate);
    assert_eq!(closes(0.04, 40_000), None, "tolerated");
    assert_eq!(closes(-0.2, 4_000), None, "better");
    assert_eq!(closes(0.2, 8), None, "too few to say");
    assert_eq!(Past::new().judge(&regression(0.0, WEEK)), None, "no data");
}

#[test]
fn a_regression_counts_within_its_window_alone() {
    let past = dropped(0.3, (100, TODAY - 3));
    assert_eq!(
        past.judge(&regression(0.05, WEEK)),
        Some(Gate::MaxRegression)
    );
    assert_eq!(past.judge(&regression(0.05, Window::Rolling24h)), None);
    let old = dropped(0.3, (100, TODAY - 7));
    assert_eq!(old.judge(&regression(0.05, WEEK)), None);
}

#[test]
fn ratings_and_failures_are_regressions_too() {
    let gates = regression(0.05, WEEK);
    let rated = |source| {
        Past::new()
            .scored(BOTH[0], (source, TODAY), (60, 0.8))
            .scored(BOTH[1], (source, TODAY), (60, 0.4))
    };
    for source in [Source::Session, Source::Manual] {
        assert_eq!(rated(source).judge(&gates), Some(Gate::MaxRegression));
    }
    let failing =
        dropped(0.0, (60, TODAY)).add(BOTH[1], (Source::Failed, TODAY), Sums::of(40 * ONE, 0));
    assert_eq!(failing.judge(&gates), Some(Gate::MaxRegression));
    let unlike = Past::new()
        .scored(BOTH[0], (Source::Session, TODAY), (60, 0.9))
        .scored(BOTH[1], (Source::Auto, TODAY), (60, 0.3));
    assert_eq!(
        unlike.judge(&gates),
        None,
        "a source that only one of them has compares nothing"
    );
}

#[test]
fn where_a_shape_has_too_few_the_one_above_is_asked() {
    let past = dropped(0.0, (4, TODAY))
        .scored((ROOT, BASE), (Source::Auto, TODAY), (80, 0.8))
        .scored((ROOT, OTHER), (Source::Auto, TODAY), (80, 0.4));
    let gates = regression(0.05, WEEK);
    assert_eq!(past.judge(&gates), Some(Gate::MaxRegression));
    let enough = past
        .scored(BOTH[0], (Source::Auto, TODAY), (80, 0.8))
        .scored(BOTH[1], (Source::Auto, TODAY), (80, 0.8));
    assert_eq!(enough.judge(&gates), None, "the shape's own replies decide");
}

#[test]
fn outcomes_that_spread_too_wide_close_the_variance_gate() {
    let gates = Gates {
        max_outcome_variance: Some(0.05),
        ..OPEN_GATES
    };
    let spread = |n: i64| {
        let half = |value| Sums::of(n * ONE / 2, value);
        Past::new().add(BOTH[1], (Source::Auto, TODAY), half(0) + half(ONE))
    };
    assert_eq!(spread(40).judge(&gates), Some(Gate::MaxOutcomeVariance));
    assert_eq!(spread(8).judge(&gates), None, "too few to say");
    assert_eq!(dropped(0.0, (40, TODAY)).judge(&gates), None);
}

#[test]
fn a_dearer_candidate_is_kept_back_by_what_its_replies_cost_or_by_its_price() {
    let gates = Gates {
        max_cost_increase: rolling(0.10, WEEK),
        ..OPEN_GATES
    };
    let gate = Some(Gate::MaxCostIncrease);
    let costing = |each| {
        Past::new()
            .cost(BOTH[0], (100, 1_000))
            .cost(BOTH[1], (100, each))
    };
    assert_eq!(costing(1_300).judge(&gates), gate);
    assert_eq!(
        costing(1_101).judge(&gates),
        None,
        "not told from the bound"
    );
    assert_eq!(costing(1_000).judge(&gates), None);
    // Replies say more than prices.
    let dear = (50.0, Some(900), Some(100));
    assert_eq!(costing(1_000).judge_with(&gates, dear), None);
    assert_eq!(Past::new().judge_with(&gates, dear), gate);
    let by_price = |price, base| Past::new().judge_with(&gates, (50.0, price, base));
    assert_eq!(by_price(Some(109), Some(100)), None);
    assert_eq!(by_price(None, Some(100)), gate, "it can be any price");
    assert_eq!(
        by_price(Some(100), None),
        None,
        "there is nothing to exceed"
    );
}

#[test]
fn a_much_cheaper_candidate_waits_until_the_shadow_has_shown_no_regression() {
    let gates = Gates {
        max_cost_drop_without_validation: Some(0.5),
        ..OPEN_GATES
    };
    let gate = Some(Gate::MaxCostDrop);
    let cheap = || {
        Past::new()
            .cost(BOTH[0], (100, 1_000))
            .cost(BOTH[1], (100, 300))
            .scored(BOTH[0], (Source::Auto, TODAY), (100, 0.8))
    };
    assert_eq!(cheap().judge(&gates), gate);
    let tried = |n, mean| cheap().scored(BOTH[1], (Source::Tried, 0), (n, mean));
    assert_eq!(tried(20, 0.8).judge(&gates), None);
    assert_eq!(tried(18, 0.8).judge(&gates), gate, "too few");
    assert_eq!(tried(100, 0.5).judge(&gates), gate, "it is worse");
    let unknown = Past::new()
        .cost(BOTH[0], (100, 1_000))
        .cost(BOTH[1], (100, 300))
        .scored(BOTH[1], (Source::Tried, 0), (100, 0.9));
    assert_eq!(unknown.judge(&gates), gate, "than what, nobody knows");
    let half = Past::new()
        .cost(BOTH[0], (100, 1_000))
        .cost(BOTH[1], (100, 600));
    assert_eq!(half.judge(&gates), None, "no more than the gate lets drop");
    let by_price = |price| Past::new().judge_with(&gates, (50.0, price, Some(100)));
    assert_eq!((by_price(Some(40)), by_price(Some(60))), (gate, None));
}

#[test]
fn samples_and_the_shadow_must_be_shown() {
    let gates = Gates {
        min_samples_before_promotion: Some(30),
        ..OPEN_GATES
    };
    let with = |samples| Past::new().judge_with(&gates, (samples, None, None));
    assert_eq!(with(0.0), Some(Gate::MinSamples));
    assert_eq!(with(29.9), Some(Gate::MinSamples));
    assert_eq!(with(30.0), None);
    let gates = Gates {
        require_shadow_before_live: true,
        ..OPEN_GATES
    };
    let tried = |n| {
        let sums = Sums::of(n * ONE, 0);
        Past::new().add((ROOT, OTHER), (Source::Tried, 0), sums)
    };
    assert_eq!(tried(0).judge(&gates), Some(Gate::RequireShadow));
    assert_eq!(tried(19).judge(&gates), Some(Gate::RequireShadow));
    assert_eq!(tried(20).judge(&gates), None);
}

#[test]
fn open_gates_keep_nobody_back_and_of_several_closed_ones_the_first_is_told() {
    let terrible = dropped(0.6, (400, TODAY));
    assert_eq!(terrible.judge(&OPEN_GATES), None);
    let all = Gates {
        max_regression: rolling(0.05, WEEK),
        min_samples_before_promotion: Some(1_000),
        require_shadow_before_live: true,
        ..OPEN_GATES
    };
    assert_eq!(terrible.judge(&all), Some(Gate::MaxRegression));
    assert_eq!(
        dropped(0.0, (400, TODAY)).judge(&all),
        Some(Gate::MinSamples)
    );
}
