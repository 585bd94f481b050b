//! Facts about agreement, and what a judge of a given quality comes to.

use proptest::prelude::*;

use super::*;
use crate::learn::sums::{ONE, to_micro};

fn pairs(of: impl IntoIterator<Item = (u8, u8)>) -> Pairs {
    let mut pairs = Pairs::default();
    for (tenth, rating) in of {
        let judged = to_micro(f64::from(tenth) / 10.0 + 0.05);
        pairs.add((tenth, rating), Sums::of(ONE, judged));
    }
    pairs
}

fn replies(of: impl IntoIterator<Item = (u8, u8)>) -> Accord {
    Accord {
        replies: pairs(of),
        ..Accord::default()
    }
}

/// The same on every machine (Steele, Lea & Flood 2014).
fn uniform(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(seed: &mut u64) -> f64 {
    (0..12).map(|_| uniform(seed)).sum::<f64>() - 6.0
}

/// A judge's tenth and a person's rating, whose normal originals have this correlation.
fn drawn(correlation: f64, seed: &mut u64) -> (u8, u8) {
    let person = normal(seed);
    let judge = correlation * person + (1.0 - correlation * correlation).sqrt() * normal(seed);
    let tenth = (5.0 + 1.5 * judge).floor().clamp(0.0, 9.0);
    let rating = (7.0 + 2.0 * person).round().clamp(0.0, 10.0);
    (tenth as u8, rating as u8)
}

#[test]
fn both_coefficients_are_those_of_the_textbook() {
    // Ties on both sides; ρ and τ-b worked out by hand: ranks 1.5 1.5 3.5 3.5 5 and 1 2.5 2.5 4.5 4.5.
    let found = pairs([(1, 2), (1, 5), (4, 5), (4, 9), (8, 9)]);
    let found = found.correlation().expect("enough");
    assert!((found.rho.value - 0.805_556).abs() < 1e-5, "{found:?}");
    assert!((found.tau.value - 0.75).abs() < 1e-9, "{found:?}");
    let turned = pairs((0..10).map(|i| (9 - i, i))).correlation();
    let turned = turned.expect("enough");
    assert_eq!((turned.rho.value, turned.tau.value), (-1.0, -1.0));
    assert!(pairs([(1, 2); 50]).correlation().is_none(), "always alike");
}

#[test]
fn without_evidence_of_disagreement_the_judge_keeps_all_of_its_weight() {
    assert_eq!(Accord::default().factor(), 1.0);
    assert_eq!(Accord::default().standing(), Standing::InsufficientData);
    // Turned around, but too few to say so.
    let few = replies((0..10).map(|i| (9 - i, i)));
    assert_eq!(
        (few.factor(), few.standing()),
        (1.0, Standing::InsufficientData)
    );
    let mut seed = 7;
    let right = replies((0..500).map(|_| drawn(0.6, &mut seed)));
    assert_eq!((right.factor(), right.standing()), (1.0, Standing::Agrees));
}

#[test]
fn the_more_pairs_show_that_it_disagrees_the_less_it_weighs() {
    let mut seed = 7;
    let mut all = Accord::default();
    let factors: Vec<f64> = [300, 700, 4_000, 25_000]
        .map(|more| {
            for _ in 0..more {
                let (tenth, rating) = drawn(0.0, &mut seed);
                all.replies.add((tenth, rating), Sums::of(ONE, 0));
            }
            all.factor()
        })
        .into();
    assert!(factors.is_sorted_by(|a, b| a > b), "{factors:?}");
    assert!(
        factors[3] < 0.2 && factors[3] >= LEAST_FACTOR,
        "{factors:?}"
    );
    assert_eq!(all.standing(), Standing::Disagrees);
    // Sessions that speak for it are believed.
    all.sessions = pairs((0..500).map(|_| drawn(0.6, &mut seed)));
    assert_eq!((all.factor(), all.standing()), (1.0, Standing::Agrees));
}

/// How many of 400 judges of a quality are ever told to disagree, looked at after each of 1,000 ratings.
fn alarms(correlation: f64) -> usize {
    let judges = 0..400;
    let ever = judges.filter(|judge| {
        let mut seed = judge * 1_000_003;
        let mut accord = Accord::default();
        (0..1_000).any(|n| {
            let place = drawn(correlation, &mut seed);
            accord.replies.add(place, Sums::of(ONE, 0));
            n % 10 == 0 && accord.standing() == Standing::Disagrees
        })
    });
    ever.count()
}

#[test]
fn a_judge_that_agrees_is_hardly_ever_said_to_disagree_and_one_that_does_not_is() {
    let (good, fair, none) = (alarms(0.5), alarms(0.4), alarms(0.0));
    println!("alarms of 400: {good} at 0.5, {fair} at 0.4, {none} at 0");
    assert!(good <= 4, "{good}");
    assert!(fair <= 20, "{fair}");
    assert!(none >= 390, "{none}");
}

#[test]
fn calibration_leaves_no_error_where_the_judge_only_compresses() {
    let compressed = pairs((0..100).map(|i| if i % 2 == 0 { (2, 0) } else { (7, 10) }));
    let plain = Calibration {
        slope: 1.0,
        shift: 0.0,
    };
    let read = Calibration {
        slope: 2.0,
        shift: -0.5,
    };
    assert!((compressed.calibration_error(&plain).expect("some") - 0.25).abs() < 1e-9);
    assert!(compressed.calibration_error(&read).expect("some") < 1e-9);
    assert_eq!(Pairs::default().calibration_error(&plain), None);
}

proptest! {
    #[test]
    fn any_pairs_have_coefficients_within_their_intervals(of in prop::collection::vec((0..10u8, 0..=10u8), 0..60)) {
        let accord = replies(of.iter().copied());
        prop_assert!((LEAST_FACTOR..=1.0).contains(&accord.factor()));
        if let Some(found) = accord.replies.correlation() {
            for c in [found.rho, found.tau] {
                prop_assert!((-1.0..=1.0).contains(&c.value) && c.lower <= c.upper);
            }
        }
        let mut left = accord.replies.clone();
        for place in of {
            let judged = to_micro(f64::from(place.0) / 10.0 + 0.05);
            left.add(place, -Sums::of(ONE, judged));
        }
        prop_assert_eq!(left, Pairs::default());
    }
}
