//! Who serves, who stands by, and whom a floor is measured against.

use super::*;

pub(super) fn contender(q: f64, sd: f64, n: f64, cost: u64) -> Contender {
    let estimate = Estimate {
        q,
        v: sd * sd,
        n,
        outcome_variance: 0.0,
        prior_share: 0.5,
    };
    Contender {
        estimate,
        cost: Some(cost),
        latency_p95_ms: None,
        masked: false,
        forbidden: false,
        gate: None,
    }
}

pub(super) fn quality(incumbent: Option<usize>) -> Setting {
    Setting {
        goal: Goal::Quality,
        incumbent,
        baseline: 0,
        watches_baseline: false,
        held: Held::Free,
        canary_rate: 0.05,
        live_exploration: 0.0,
        shadow_rate: 0.1,
        shadow_spend: 1.0,
    }
}

#[test]
fn a_small_lead_makes_a_canary_and_a_clear_one_a_switch() {
    let close = [
        contender(0.80, 0.05, 50.0, 9),
        contender(0.82, 0.05, 50.0, 9),
    ];
    let traffic = decide(&close, &quality(Some(0))).expect("two");
    assert_eq!((traffic.incumbent, traffic.roles[1]), (0, Role::Canary));
    assert_eq!(traffic.probabilities, [0.95, 0.05]);
    let clear = [
        contender(0.80, 0.05, 50.0, 9),
        contender(0.90, 0.05, 50.0, 9),
    ];
    let traffic = decide(&clear, &quality(Some(0))).expect("two");
    assert_eq!((traffic.incumbent, traffic.order), (1, vec![1, 0]));
}

#[test]
fn nobody_is_a_canary_on_benchmarks_alone() {
    let close = [
        contender(0.80, 0.05, 50.0, 9),
        contender(0.82, 0.15, 0.0, 9),
    ];
    let traffic = decide(&close, &quality(Some(0))).expect("two");
    assert_eq!(traffic.probabilities, [1.0, 0.0]);
    assert_eq!(traffic.shadow, [0.0, 1.0]);
}

#[test]
fn without_an_incumbent_the_best_serves_and_the_cheaper_among_equals() {
    let equal = [
        contender(0.8, 0.1, 0.0, 9),
        contender(0.8, 0.1, 0.0, 3),
        contender(0.7, 0.1, 0.0, 1),
    ];
    assert_eq!(decide(&equal, &quality(None)).expect("three").incumbent, 1);
}

#[test]
fn a_floor_picks_the_cheapest_that_keeps_it_and_else_the_baseline() {
    let goal = Goal::Floor {
        floor: 0.95,
        assurance: 0.7,
    };
    let setting = Setting {
        goal,
        ..quality(None)
    };
    let known = [
        contender(0.9, 0.02, 99.0, 100),
        contender(0.89, 0.02, 99.0, 10),
        contender(0.5, 0.02, 99.0, 1),
    ];
    let traffic = decide(&known, &setting).expect("three");
    assert_eq!(traffic.incumbent, 1);
    assert_eq!(traffic.probabilities, [0.0, 1.0, 0.0]);
    assert!(
        traffic.shadow[2] > 0.99,
        "only what is cheaper is explored: {:?}",
        traffic.shadow
    );
    let unknown = [
        contender(0.9, 0.02, 99.0, 100),
        contender(0.85, 0.15, 0.0, 10),
    ];
    assert_eq!(decide(&unknown, &setting).expect("two").incumbent, 0);
}

#[test]
fn a_floor_whose_reference_is_under_alarm_does_not_fall_with_it() {
    let demoted = Contender {
        masked: true,
        ..contender(0.5, 0.02, 9.0, 900)
    };
    let contenders = [
        demoted,
        contender(0.9, 0.02, 90.0, 500),
        contender(0.6, 0.02, 90.0, 100),
    ];
    let setting = Setting {
        goal: Goal::Floor {
            floor: 0.95,
            assurance: 0.7,
        },
        ..quality(Some(0))
    };
    let incumbent = |contenders: &[Contender]| decide(contenders, &setting).map(|t| t.incumbent);
    assert_eq!(
        incumbent(&contenders),
        Some(1),
        "the cheap one is far below"
    );
    let mut trusted = contenders;
    trusted[0].masked = false;
    assert_eq!(
        incumbent(&trusted),
        Some(2),
        "it is above what is known of the baseline"
    );
}

#[test]
fn a_single_candidate_serves_and_nothing_is_explored() {
    let traffic = decide(&[contender(0.5, 0.1, 0.0, 1)], &quality(None)).expect("one");
    assert_eq!(
        (traffic.probabilities, traffic.shadow),
        (vec![1.0], vec![0.0])
    );
    assert_eq!(decide(&[], &quality(None)), None);
}
