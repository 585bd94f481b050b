//! Who wins, and how seldom by chance.

use super::*;

pub(super) fn call(variant: Variant, n: usize) -> Call {
    Call {
        request: RequestId(uuid::Uuid::from_u128(n as u128)),
        variant,
        unit: format!("s{n}"),
        user: None,
        ending: Ending::Succeeded,
        latency_ms: 100,
        cost_micro_usd: Some(40),
        judged: None,
        manual: None,
        session: None,
    }
}

/// Uniform on 0..1, the same for the same numbers.
pub(super) fn noise(seed: usize, n: usize) -> f64 {
    let key = DrawKey {
        session: &seed.to_string(),
        shape: &n.to_string(),
        purpose: Purpose::Serve,
    };
    key.unit()
}

/// Sessions in turn to A and B, their qualities around these means.
fn sessions(seed: usize, count: usize, (a, b): (f64, f64)) -> Vec<Call> {
    let one = |n: usize| {
        let (variant, mean) = if n.is_multiple_of(2) {
            (Variant::A, a)
        } else {
            (Variant::B, b)
        };
        // Nearly every session is fully right or wrong, which is the widest spread that there is.
        let quality = if noise(seed, n) < mean { 1.0 } else { 0.0 };
        Call {
            judged: Some(quality),
            ..call(variant, n)
        }
    };
    (0..count).map(one).collect()
}

/// What a caller that looks after every tenth session sees first.
fn first_winner(calls: &[Call]) -> Option<Winner> {
    let looks = (10..=calls.len()).step_by(10);
    looks
        .into_iter()
        .find_map(|seen| compare(&calls[..seen], None).winner)
}

#[test]
fn whoever_looks_all_the_time_is_seldom_fooled() {
    const RUNS: usize = 200;
    let wrong = (0..RUNS).filter(|seed| {
        let first = first_winner(&sessions(*seed, 1_000, (0.7, 0.7)));
        matches!(first, Some(Winner::Variant(_)))
    });
    // The level is 5 %; four standard deviations above it.
    let wrong = wrong.count();
    assert!(
        wrong <= 22,
        "{wrong} of {RUNS} experiments between equals had a winner"
    );
}

/// Whether somebody who looks after every session ever sees a winner among two that are as good as each other.
fn is_fooled(seed: usize, share: f64, quality: f64) -> bool {
    let mut seen = [(0, Bound::default()), (0, Bound::default())];
    (0..3_000).any(|n| {
        let (units, bound) = &mut seen[usize::from(noise(seed, 3 * n) < share)];
        *units += 1;
        bound.see(if noise(seed, 3 * n + 1) < quality {
            1.0
        } else {
            0.0
        });
        let [a, b] = seen.map(|(_, bound)| bound.interval().map(interval));
        let found = difference(a, b).and_then(winner);
        let enough = seen.iter().all(|(units, _)| *units >= MIN_UNITS);
        enough && matches!(found, Some(Winner::Variant(_)))
    })
}

#[test]
fn small_shares_and_rare_failures_fool_nobody_either() {
    const RUNS: usize = 400;
    for (share, quality) in [(0.1, 0.97), (0.05, 0.97), (0.1, 0.99)] {
        let wrong = (0..RUNS).filter(|seed| is_fooled(*seed, share, quality));
        let wrong = wrong.count();
        assert!(
            wrong * 20 <= RUNS,
            "{wrong} of {RUNS} experiments between equals had a winner: {share} {quality}"
        );
    }
}

#[test]
fn a_real_difference_is_found_and_in_the_right_direction() {
    let found = |qualities| {
        let runs = (0..20).map(|seed| first_winner(&sessions(seed, 1_500, qualities)));
        runs.collect::<Vec<_>>()
    };
    let better = found((0.5, 0.75));
    assert!(
        better
            .iter()
            .all(|w| *w == Some(Winner::Variant(Variant::B))),
        "{better:?}"
    );
    let worse = found((0.75, 0.5));
    assert!(
        worse
            .iter()
            .all(|w| *w == Some(Winner::Variant(Variant::A))),
        "{worse:?}"
    );
}

#[test]
fn nobody_wins_before_there_is_enough_of_both() {
    let all = sessions(1, 2 * MIN_UNITS, (0.0, 1.0));
    let few = compare(&all[..2 * MIN_UNITS - 1], None);
    assert_eq!((few.winner, few.b.units), (None, MIN_UNITS - 1));
    let enough = compare(&all, None);
    assert_eq!(enough.winner, Some(Winner::Variant(Variant::B)));
    let empty = compare(&[], None);
    assert_eq!(
        (empty.winner, empty.difference, empty.a),
        (None, None, Outcome::default())
    );
}

#[test]
fn equals_tie_once_nothing_that_matters_can_lie_between_them() {
    let graded = |count: usize| {
        let one = |n: usize| {
            let variant = if n.is_multiple_of(2) {
                Variant::A
            } else {
                Variant::B
            };
            Call {
                judged: Some(0.78 + 0.04 * noise(3, n)),
                ..call(variant, n)
            }
        };
        compare(&(0..count).map(one).collect::<Vec<_>>(), None)
    };
    assert_eq!(graded(200).winner, None, "{:?}", graded(200).difference);
    assert_eq!(
        graded(4_000).winner,
        Some(Winner::Tie),
        "{:?}",
        graded(4_000).difference
    );
}

#[test]
fn a_session_counts_once_however_many_calls_it_has() {
    let mut calls = Vec::new();
    for turn in 0..10 {
        calls.push(Call {
            judged: Some(f64::from(turn) / 10.0),
            ..call(Variant::A, 1)
        });
    }
    calls.push(Call {
        judged: Some(1.0),
        ..call(Variant::A, 2)
    });
    let seen = compare(&calls, None).a;
    assert_eq!((seen.calls, seen.units), (11, 2));
    let mean = seen.quality.expect("known").mean;
    assert!((mean - 0.725).abs() < 1e-12, "{mean}");
}

#[test]
fn sources_count_by_their_published_weights() {
    let all = Call {
        session: Some(1.0),
        judged: Some(0.5),
        manual: Some(0.0),
        ..call(Variant::B, 1)
    };
    let mean = compare(&[all], None).b.quality.expect("known").mean;
    assert!((mean - (0.5 + 0.15) / 0.9).abs() < 1e-9, "{mean}");
}

#[test]
fn failures_count_as_often_as_replies_are_judged() {
    let one = |n: usize| Call {
        ending: if n.is_multiple_of(4) {
            Ending::Failed
        } else {
            Ending::Succeeded
        },
        judged: (!n.is_multiple_of(4) && n % 10 == 1).then_some(1.0),
        ..call(Variant::A, n)
    };
    let seen = compare(&(0..20_000).map(one).collect::<Vec<_>>(), None).a;
    assert_eq!((seen.succeeded, seen.failed), (15_000, 5_000));
    // Three of four calls are good, whoever looks at only a few of them.
    let quality = seen.quality.expect("known").mean;
    assert!((quality - 0.75).abs() < 0.04, "{quality}");
    let unjudged = Call {
        judged: None,
        ..one(0)
    };
    assert_eq!(compare(&[unjudged], None).a.quality, None);
}

#[test]
fn means_are_of_what_succeeded_and_of_known_prices() {
    let mut calls: Vec<Call> = (1..=3)
        .map(|n| Call {
            latency_ms: 100 * n as u64,
            ..call(Variant::A, n)
        })
        .collect();
    calls.push(Call {
        ending: Ending::Failed,
        latency_ms: 9_000,
        cost_micro_usd: None,
        ..call(Variant::A, 4)
    });
    calls.push(Call {
        ending: Ending::Neither,
        latency_ms: 9_000,
        cost_micro_usd: Some(20),
        ..call(Variant::A, 5)
    });
    let seen = compare(&calls, None).a;
    assert_eq!((seen.calls, seen.succeeded, seen.failed), (5, 3, 1));
    assert_eq!(
        (seen.mean_latency_ms, seen.p50_latency_ms),
        (Some(200.0), Some(200))
    );
    assert_eq!(seen.mean_cost_micro_usd, Some(35.0));
}
