//! Any order, repetition and split into batches of the same facts leaves the same tables, to the last bit.

use floopy_shared::domain::{
    budget::{Account, BudgetBy, Charge, Charged, Grain},
    decision::{Ending, Stage},
    event::{Event, RatingSubject, Score},
    ids::SessionId,
    implicit::{Earlier, Implicit, ImplicitKind},
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{BTreeMap, Intake, sums};
use crate::store::{TEST_SERVER, sql};
use crate::{
    fixture::*,
    learn::{
        credit::{Cell, Credit, Source},
        stats::TenantStats,
        sums::Sums,
    },
    store::buckets,
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
            decision.charged = decision
                .session_id
                .as_ref()
                .map(|session| charged(n, session));
            decision.implicit = told(n, day);
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

/// What its caller did: of itself, or of a call that may come later or never.
fn told(n: u64, day: u64) -> Vec<Implicit> {
    let earlier = |n| Earlier {
        request_id: request(n),
        candidate: key("b"),
        shapes: decision(n).shapes,
        created_at_ms: NOW - day * 86_400_000,
    };
    let implicit = |kind, about| Implicit { kind, about };
    match n {
        1 => vec![implicit(ImplicitKind::Left, None)],
        2 => vec![implicit(ImplicitKind::AskedAgain, Some(earlier(1)))],
        _ => Vec::new(),
    }
}

/// What a call of a session is booked on.
fn charged(n: u64, session: &SessionId) -> Charged {
    let account = Account {
        by: BudgetBy::Session,
        grain: Grain::All,
        subject: session.as_str().to_owned(),
    };
    Charged {
        proxy: Uuid::from_u128(u128::from(n % 2)),
        charges: vec![Charge { account, bucket: 0 }],
    }
}

fn any_rating() -> impl Strategy<Value = Fact> {
    (0..6u8, 0..=10i64, any::<[bool; 3]>(), 0..5u64).prop_map(
        |(subject, score, [revise, manual, retracted], at)| {
            let id = 900_000
                + u64::from(subject) * 1_000
                + score.unsigned_abs() * 50
                + at * 8
                + u64::from(revise) * 2
                + u64::from(retracted) * 4
                + u64::from(manual);
            let event = adjusted(rated(id, &name(subject), score), |rating| {
                (rating.revise, rating.rated_at_ms) = (revise, NOW + at);
                rating.retracted = revise && retracted;
                if manual {
                    rating.subject = RatingSubject::Request(request(u64::from(subject)));
                }
            });
            Fact::Event(Box::new(event))
        },
    )
}

fn any_score() -> impl Strategy<Value = Fact> {
    // Several verdicts on a reply, by several rubrics: the same one stands in any order.
    (0..6u64, 0..3u64, 0..2u64).prop_map(|(n, other, rubric)| {
        let score = score(n, 0.1 * n as f64 + 0.033 + 0.1 * other as f64);
        Fact::Score(Score {
            cost_micro_usd: 7 * n + other,
            weight: 0.5 + 0.25 * n as f64,
            rubric,
            ..score
        })
    })
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = prop_oneof![4 => any_decision(), 3 => any_rating(), 1 => any_score()];
    prop::collection::vec(fact, 1..24)
}

/// Everything that was derived, as text, one row per line.
const TABLES: [&str; 8] = [
    "SELECT CAST(json_array('sums', tenant, shape, day, hex(cells)) AS TEXT) FROM day_sums ORDER BY 1",
    "SELECT CAST(json_array('session', tenant, unit, score, hex(credit)) AS TEXT) FROM sessions ORDER BY 1",
    "SELECT CAST(json_array('rating', tenant, kind, subject, revise, hex(event_id), score, useful, rated_ms, retracted) AS TEXT)
        FROM ratings ORDER BY 1",
    "SELECT CAST(json_array('score', hex(request_id), composite) AS TEXT) FROM scores ORDER BY 1",
    "SELECT CAST(json_array('call', hex(request_id), hex(event_id), hex(record), hex(bytes), turn, hex(credit)) AS TEXT)
        FROM decisions LEFT JOIN candidates USING (id) ORDER BY 1",
    // Lines of what was replaced since are empty.
    "SELECT CAST(json_array('used', tenant, day, project, environment, model, requests, errors, input_tokens,
            cached_input_tokens, output_tokens, cost_micro_usd, unpriced_requests, shadow_requests,
            shadow_cost_micro_usd, ratings, cache_hits, cache_misses, saved_micro_usd, saved_tokens,
            semantic_hits, semantic_compared, semantic_wrong) AS TEXT)
        FROM usage WHERE requests <> 0 OR shadow_requests <> 0 OR ratings <> 0 ORDER BY 1",
    "SELECT CAST(json_array('month', month, tenant, requests, cost_micro_usd, ratings) AS TEXT) FROM usage_months
        WHERE requests <> 0 OR cost_micro_usd <> 0 OR ratings <> 0 ORDER BY 1",
    "SELECT CAST(json_array('spent', tenant, scope, subject, bucket, hex(proxy), micro_usd, tokens, calls) AS TEXT)
        FROM spend WHERE calls <> 0 ORDER BY 1",
];

async fn dump(intake: &Intake) -> Vec<String> {
    // When sums are brought into their rows depends on the batches, what the rows then are does not.
    let mut tx = intake.store.write().await.expect("writes");
    buckets::settle_all(&mut tx).await.expect("settled");
    tx.commit().await.expect("commits");
    let mut rows = Vec::new();
    for table in TABLES {
        let found = sql::query_scalar::<String>(table);
        rows.extend(found.fetch_all(intake.store.read()).await.expect("reads"));
    }
    rows
}

/// Feeds the facts in batches of these lengths, over and over, and checks what is kept in memory on the way out.
async fn fold(facts: &[Fact], batches: &[usize]) -> Vec<String> {
    let intake = intake().await;
    intake
        .totals
        .put(tenant(), Credit::new(), (intake.store.write_number(), None));
    let mut rest = facts;
    for length in batches.iter().cycle() {
        let (batch, left) = rest.split_at((*length).min(rest.len()));
        rest = left;
        let (mut events, mut scores) = (Vec::new(), Vec::new());
        for fact in batch {
            match fact {
                Fact::Event(event) => events.push((**event).clone()),
                Fact::Score(score) => scores.push(score.clone()),
            }
        }
        append(&intake, events).await;
        intake.report(scores, vec![]).await.expect("works");
        if rest.is_empty() {
            break;
        }
    }
    let kept = intake.totals.stats(&tenant());
    let sums = sums(&intake).await;
    for (cell, sums) in &sums {
        // The sum of what calls cost is money.
        let is_money = cell.source.is_spend() || cell.source == Source::Cost;
        let plausible = sums.n > 0 && sums.sum >= 0 && (is_money || sums.sum <= sums.n);
        assert!(plausible, "{cell:?} {sums:?}");
    }
    let mut over_days: BTreeMap<Cell, Sums> = BTreeMap::new();
    for (mut cell, sums) in sums {
        if !cell.source.is_spend() {
            cell.day = 0;
        }
        *over_days.entry(cell).or_default() += sums;
    }
    assert_eq!(kept, Some(TenantStats::collect(over_days).into()));
    dump(&intake).await
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

/// Two stores are made for each case. `PROPTEST_CASES` asks for more; on a server each takes longer.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let usual = if std::env::var(TEST_SERVER).is_ok() {
        16
    } else {
        96
    };
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_order_repetition_and_split_leaves_the_same_tables(
        (once, again) in reordered(),
        batches in prop::collection::vec(1..9usize, 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let (first, second) = runtime.block_on(async { (fold(&once, &[1_000]).await, fold(&again, &batches).await) });
        prop_assert_eq!(first, second);
    }
}
