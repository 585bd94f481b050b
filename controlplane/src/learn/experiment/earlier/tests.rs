//! What users' past is worth, and that nobody is fooled by it.

use floopy_shared::domain::experiment::Variant;

use super::super::{
    Comparison, Winner, compare,
    tests::{call, noise},
};
use super::*;

const USERS: usize = 40;

/// A session of some user, who is hard or easy to please by `spread` either way; right or wrong as a whole.
fn session(seed: usize, n: usize, (spread, better): (f64, f64)) -> Call {
    let user = (noise(seed, 4 * n) * USERS as f64) as usize;
    let is_b = noise(seed, 4 * n + 1) < 0.5;
    let pleased = 0.5 + spread * (2.0 * noise(1_000_000, user) - 1.0);
    let quality = pleased + if is_b { better } else { 0.0 };
    let is_right = noise(seed, 4 * n + 2) < quality;
    Call {
        user: Some(format!("u{user}")),
        judged: Some(if is_right { 1.0 } else { 0.0 }),
        ..call(if is_b { Variant::B } else { Variant::A }, n)
    }
}

fn sessions(seed: usize, count: usize, of: (f64, f64)) -> Vec<Call> {
    (0..count).map(|n| session(seed, n, of)).collect()
}

fn width(comparison: &Comparison) -> f64 {
    let difference = comparison.difference.expect("known");
    difference.upper - difference.lower
}

#[test]
fn what_is_known_of_users_makes_a_difference_plainer_and_no_other() {
    let earlier = Earlier::of(&sessions(1, 800, (0.45, 0.0))).expect("users differ");
    assert_eq!((earlier.users(), earlier.sessions), (USERS, 800));
    assert!((0.1..0.5).contains(&earlier.explained), "{earlier:?}");
    let (mut plain, mut adjusted, mut means) = (0.0, 0.0, 0.0);
    const RUNS: usize = 40;
    for seed in 0..RUNS {
        let calls = sessions(100 + seed, 1_000, (0.45, 0.05));
        let without = compare(&calls, None);
        let with = compare(&calls, Some(&earlier));
        assert_eq!(
            (&without.a.quality, without.a.units),
            (&with.a.quality, with.a.units)
        );
        plain += width(&without);
        adjusted += width(&with);
        means += with.difference.expect("known").mean / RUNS as f64;
    }
    assert!(adjusted < 0.95 * plain, "{adjusted} of {plain}");
    assert!((means - 0.05).abs() < 0.02, "{means}");
}

#[test]
fn nobody_is_fooled_however_often_they_look() {
    const RUNS: usize = 200;
    let wrong = (0..RUNS).filter(|seed| {
        let earlier = Earlier::of(&sessions(10_000 + seed, 400, (0.45, 0.0)));
        let calls = sessions(*seed, 800, (0.45, 0.0));
        let mut looks = (100..=calls.len()).step_by(20);
        looks.any(|seen| {
            let found = compare(&calls[..seen], earlier.as_ref()).winner;
            matches!(found, Some(Winner::Variant(_)))
        })
    });
    let wrong = wrong.count();
    assert!(
        wrong * 20 <= RUNS,
        "{wrong} of {RUNS} experiments between equals had a winner"
    );
}

#[test]
fn a_past_that_says_nothing_is_left_out() {
    assert_eq!(Earlier::of(&[]), None);
    let same = sessions(1, 2_000, (0.0, 0.0));
    assert_eq!(Earlier::of(&same), None, "users do not differ");
    let few = sessions(1, 40, (0.45, 0.0));
    assert_eq!(Earlier::of(&few), None, "they are too few");
    let mut once = sessions(1, 2_000, (0.45, 0.0));
    for (n, call) in once.iter_mut().enumerate() {
        call.user = Some(n.to_string());
    }
    assert_eq!(Earlier::of(&once), None, "nobody came twice");
    once.iter_mut().for_each(|call| call.user = None);
    assert_eq!(Earlier::of(&once), None, "nobody says who they are");
}

#[test]
fn whatever_is_taken_from_a_session_leaves_it_within_1_of_every_guess() {
    for spread in [0.3, 0.4, 0.5] {
        let earlier = Earlier::of(&sessions(3, 4_000, (spread, 0.0))).expect("users differ");
        let (least, most) = earlier.guesses();
        assert!((0.0..=1.0).contains(&least) && (least..=1.0).contains(&most));
        let users = (0..USERS).map(|user| format!("u{user}"));
        for user in users.map(Some).chain([None]) {
            let lift = earlier.lift(user.as_deref());
            for (value, guess) in [(0.0, least), (0.0, most), (1.0, least), (1.0, most)] {
                let off: f64 = value - lift - guess;
                assert!(off.abs() <= 1.0 + 1e-12, "{user:?} {lift} {guess}");
            }
        }
    }
}

#[test]
fn users_who_are_always_right_or_always_wrong_are_known_too() {
    for wrong in 1..100 {
        let calls: Vec<Call> = (0..100)
            .map(|n| Call {
                user: Some(if n < wrong { "never" } else { "always" }.to_owned()),
                judged: Some(if n < wrong { 0.0 } else { 1.0 }),
                ..session(1, n, (0.0, 0.0))
            })
            .collect();
        let earlier = Earlier::of(&calls).expect("users differ");
        let (least, most) = earlier.guesses();
        assert!(least <= most, "{wrong}: {least} {most}");
        compare(&calls, Some(&earlier));
    }
}

#[test]
fn it_is_read_back_as_it_was_written() {
    let earlier = Earlier::of(&sessions(3, 4_000, (0.4, 0.0))).expect("users differ");
    let written = serde_json::to_string(&earlier).expect("JSON");
    let read: Earlier = serde_json::from_str(&written).expect("read");
    assert_eq!(read.lifts, earlier.lifts);
}
