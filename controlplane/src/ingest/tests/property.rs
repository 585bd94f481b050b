//! Any order and any repetition of the same facts adds up to the same sums, to the last bit.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    decision::{Ending, Stage},
    event::{Event, RatingSubject, Score},
    ids::SessionId,
};
use proptest::prelude::*;

use super::sums;
use crate::{
    fixture::*,
    learn::{credit::Cell, sums::Sums},
};

/// One thing that can arrive.
#[derive(Debug, Clone)]
enum Fact {
    Event(Box<Event>),
    Score(Score),
}

/// Names that collide on purpose: sessions, completion ids that are also session ids, request ids.
fn name(index: u8) -> String {
    match index % 6 {
        0 => "s0".into(),
        1 => "s1".into(),
        2 => "c0".into(),
        3 => "c1".into(),
        other => request(u64::from(other)).to_string(),
    }
}

fn any_decision() -> impl Strategy<Value = Fact> {
    (0..6u8, 0..8u8, 0..4u8, 0..3u8, any::<[bool; 3]>(), 0..3u64).prop_map(
        |(n, session, completion, model, flags, day)| {
            let [finished, completed, shadow] = flags;
            let n = u64::from(n);
            let mut decision = decision(n);
            // A request's two records differ only in stage, as proxies write them: the session may be missing.
            decision.session_id =
                (session < 5).then(|| SessionId::new(&name(session)).expect("valid"));
            decision.completion_id = (completion < 3).then(|| format!("c{}", completion.min(1)));
            let arm = u64::from(model);
            let model = ["a", "b", "c"][usize::from(model)];
            (decision.served, decision.chosen) = (Some(key(model)), Some(key(model)));
            decision.stage = if finished {
                Stage::Finished
            } else {
                Stage::Started
            };
            decision.outcome.ending = if completed {
                Ending::Completed
            } else {
                Ending::BrokenStream
            };
            decision.shadow_of = (shadow && n > 3).then(|| request(0));
            decision.created_at_ms -= day * 86_400_000;
            // Events of one id are one event: everything that varies is part of it.
            let id = n * 1_000 + u64::from(session) * 100 + u64::from(completion) * 10 + day;
            let id = id * 3 + arm;
            Fact::Event(Box::new(decided(
                id * 8 + u64::from(finished) * 4 + u64::from(completed) * 2 + u64::from(shadow),
                decision,
            )))
        },
    )
}

fn any_rating() -> impl Strategy<Value = Fact> {
    (0..6u8, 0..=10i64, any::<[bool; 2]>(), 0..5u64).prop_map(
        |(subject, score, [revise, manual], at)| {
            let id = 900_000
                + u64::from(subject) * 1_000
                + score.unsigned_abs() * 50
                + at * 4
                + u64::from(revise) * 2
                + u64::from(manual);
            let event = adjusted(rated(id, &name(subject), score), |rating| {
                (rating.revise, rating.rated_at_ms) = (revise, NOW + at);
                if manual {
                    rating.subject = RatingSubject::Request(request(u64::from(subject)));
                }
            });
            Fact::Event(Box::new(event))
        },
    )
}

fn any_score() -> impl Strategy<Value = Fact> {
    // One verdict per request: the first report stands.
    (0..6u64).prop_map(|n| Fact::Score(score(n, 0.1 * n as f64 + 0.033)))
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = prop_oneof![4 => any_decision(), 3 => any_rating(), 1 => any_score()];
    prop::collection::vec(fact, 1..24)
}

async fn fold(facts: &[Fact], batch: usize) -> BTreeMap<Cell, Sums> {
    let intake = intake().await;
    for chunk in facts.chunks(batch) {
        let events = chunk.iter().filter_map(|fact| match fact {
            Fact::Event(event) => Some((**event).clone()),
            Fact::Score(_) => None,
        });
        append(&intake, events.collect()).await;
        let scores: Vec<Score> = chunk
            .iter()
            .filter_map(|fact| match fact {
                Fact::Score(score) => Some(score.clone()),
                Fact::Event(_) => None,
            })
            .collect();
        intake.report(scores, vec![]).await.expect("works");
    }
    sums(&intake).await
}

/// Facts, and the same facts again: shuffled, some of them repeated.
fn reordered() -> impl Strategy<Value = (Vec<Fact>, Vec<Fact>)> {
    facts().prop_flat_map(|facts| {
        let repeats = prop::sample::subsequence(facts.clone(), 0..=facts.len());
        let again = repeats.prop_flat_map({
            let facts = facts.clone();
            move |repeats| Just([facts.clone(), repeats].concat()).prop_shuffle()
        });
        (Just(facts), again)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_gives_the_same_sums((once, again) in reordered(), batch in 1..6usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let (first, second) = runtime.block_on(async { (fold(&once, 100).await, fold(&again, batch).await) });
        prop_assert_eq!(&first, &second);
        for (cell, sums) in first {
            prop_assert!(sums.n > 0 && sums.sum >= 0 && sums.sum <= sums.n, "{:?} {:?}", cell, sums);
        }
    }
}
