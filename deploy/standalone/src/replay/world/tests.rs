//! What worlds promise: the same seed is the same world, and its habits are those asked for.

use clap::Parser;

use super::*;
use crate::replay::table::Shape;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    feedback: Feedback,
}

fn feedback() -> Feedback {
    Options::parse_from(["replay"]).feedback
}

fn outcome(score: f64) -> Outcome {
    Outcome {
        score,
        cost_usd: Some(0.001),
        latency_s: None,
    }
}

fn table() -> Table {
    let key = |name| floopy_shared::domain::ids::CandidateKey::new("p", name).expect("valid");
    let shape = |name: &str, second: f64| Shape {
        name: name.into(),
        prompts: vec![vec![outcome(1.0), outcome(second)]; 40],
    };
    Table {
        models: vec![key("a"), key("b")],
        priors: vec![0.5, 0.5],
        shapes: vec![shape("x", 0.0), shape("y", 0.5), shape("z", 1.0)],
        sessions: Vec::new(),
        left_out: crate::replay::table::LeftOut::default(),
    }
}

const SIZE: Size = Size {
    tenants: 3,
    requests: 6_000,
    seed: 5,
    seeds: 1,
};

#[test]
fn a_seed_makes_one_world_and_another_seed_another() {
    let table = table();
    let tenants = |seed| World::new(&table, feedback(), Size { seed, ..SIZE }).tenants;
    assert_eq!(tenants(5), tenants(5));
    assert_ne!(tenants(5), tenants(6));
}

#[test]
fn further_seeds_are_further_worlds() {
    let table = table();
    let tenants = |seed, seeds| {
        World::new(
            &table,
            feedback(),
            Size {
                seed,
                seeds,
                ..SIZE
            },
        )
        .tenants
    };
    assert_eq!(tenants(5, 2), [tenants(5, 1), tenants(6, 1)].concat());
}

#[test]
fn a_longer_run_begins_like_a_shorter_one() {
    let table = table();
    let run = |requests| World::new(&table, feedback(), Size { requests, ..SIZE });
    let (short, long) = (run(100), run(200));
    let begins = &long.tenants[1].requests[..99];
    assert_eq!(&short.tenants[1].requests[..99], begins);
}

#[test]
fn sessions_have_the_length_and_the_labels_asked_for() {
    let table = table();
    let world = World::new(&table, feedback(), SIZE);
    let requests: Vec<&Request> = world.tenants.iter().flat_map(|t| &t.requests).collect();
    let share = |of: fn(&Request) -> bool| {
        requests.iter().filter(|r| of(r)).count() as f64 / requests.len() as f64
    };
    assert!((1.0 / share(|r| r.is_last) - 6.0).abs() < 0.3);
    assert!((share(|r| r.served.is_misread) - 0.2).abs() < 0.01);
    assert!((share(|r| r.manual.is_some()) - 0.02).abs() < 0.005);
    assert!((share(|r| r.is_rated) - 0.2).abs() < 0.01);
}

#[test]
fn a_judge_compresses_the_scale_and_a_session_is_felt_by_its_worst_reply() {
    let feedback = feedback();
    assert!((feedback.judged(1.0, 0.0, (false, 0.0)) - 0.85).abs() < 1e-12);
    assert!((feedback.judged(1.0, 0.0, (true, 0.0)) - 0.20).abs() < 1e-12);
    assert_eq!(feedback.rating(&[1.0, 1.0], 0.0).value(), 9);
    assert_eq!(
        feedback.rating(&[1.0, 0.0], 0.0).value(),
        4,
        "0.20 + 0.70 · 0.35 = 0.445"
    );
}

#[test]
fn a_model_that_got_worse_is_worse_from_then_on() {
    let table = table();
    let mut world = World::new(&table, feedback(), SIZE);
    world.drift = Some(Drift {
        at: 3_000,
        model: 0,
        drop: 0.2,
    });
    let mean = |range: std::ops::Range<usize>| {
        let requests = &world.tenants[0].requests;
        let n = range.len() as f64;
        range
            .map(|at| world.outcome(at, &requests[at], 0).score)
            .sum::<f64>()
            / n
    };
    assert_eq!(mean(0..3_000), 1.0);
    assert!((mean(3_000..6_000) - 0.8).abs() < 0.03);
    assert_eq!(world.quality(0, 2_999, 0, 0), 1.0);
    assert!((world.quality(0, 3_000, 0, 0) - 0.8).abs() < 1e-12);
}

#[test]
fn the_tables_own_sessions_are_replayed_in_their_order() {
    let mut table = table();
    let turn = |shape, prompt| super::super::table::PromptRef { shape, prompt };
    table.sessions = vec![vec![turn(0, 3), turn(1, 4)], vec![turn(0, 3), turn(1, 4)]];
    let world = World::new(&table, feedback(), SIZE);
    let requests = &world.tenants[0].requests;
    assert!(
        requests
            .chunks(2)
            .all(|s| (s[0].shape, s[1].shape) == (0, 1) && s[1].is_last)
    );
    assert_eq!(world.tenants[0].quality[2], [0.0, 0.0], "never asked");
}
