//! Both logs answer the same questions in the same way; and what is ClickHouse's alone.

mod accounted;
mod engine;
mod faults;

use floopy_shared::domain::{
    decision::{Decision, Stage, Strategy},
    event::Event,
    ids::{RequestId, TenantId},
    tags::{Tag, Tags},
};

use self::engine::{Engine, Target};
use crate::{
    fixture::*,
    store::{
        export::{Place, Span},
        list::{Filter, Position, Shadows},
    },
};

/// Of the calls of the suite, in no order of time.
const CALLS: u64 = 20;

fn other() -> TenantId {
    TenantId::new("other").expect("valid")
}

/// A call that differs from others in everything that is asked for; two each are of the same moment.
fn call(n: u64) -> Decision {
    let session = ["s-one", "s'two\\", "sé"][usize::try_from(n % 3).expect("small")];
    let mut decision = turn(n, session, if n.is_multiple_of(2) { "a" } else { "b" });
    decision.created_at_ms = NOW - 1_000 + n / 2;
    decision.confidence = (!n.is_multiple_of(5)).then_some(n as f64 / 20.0);
    decision.shadow_of = (n % 7 == 6).then(|| request(n - 1));
    if n.is_multiple_of(4) {
        decision.strategy = Strategy::SmartCost;
        decision.tags = Some(Box::new(tags(n)));
    }
    decision
}

fn tags(n: u64) -> Tags {
    let plan = if n.is_multiple_of(8) {
        "it's \\ pro"
    } else {
        "free"
    };
    Tags {
        user: Some("ánn".to_owned()),
        properties: [("plan".to_owned(), plan.to_owned())].into(),
        ..Tags::default()
    }
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let event = |n| decided(n, call(n));
    numbers.into_iter().map(event).collect()
}

/// The numbers of calls.
fn numbers(decisions: &[Decision]) -> Vec<u64> {
    let number = |decision: &Decision| {
        let is_it = |n: &u64| request(*n) == decision.request_id;
        (0..1_000).find(is_it).expect("one of ours")
    };
    decisions.iter().map(number).collect()
}

async fn listed(target: &Target, filter: &Filter) -> Vec<u64> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = target.log.page(&tenant(), filter, after, 3).await;
        let page = page.expect("answers");
        after = page.last().map(|last| Position {
            created_ms: last.created_at_ms,
            request: last.request_id,
        });
        all.extend(numbers(&page));
        if page.len() < 3 {
            return all;
        }
    }
}

fn newest_first(which: impl Fn(u64) -> bool) -> Vec<u64> {
    (0..CALLS).rev().filter(|n| which(*n)).collect()
}

/// Filters that pages are asked for with, and the calls that they leave.
fn by_what_was_asked(all: &Filter, include: &Filter) -> Vec<(Filter, Vec<u64>)> {
    vec![
        (include.clone(), newest_first(|_| true)),
        (
            Filter {
                shadows: Shadows::Only,
                ..all.clone()
            },
            newest_first(|n| n % 7 == 6),
        ),
        (
            Filter {
                session_id: Some("s'two\\".to_owned()),
                ..include.clone()
            },
            newest_first(|n| n % 3 == 1),
        ),
        (
            Filter {
                session_id: Some("sé".to_owned()),
                from_ms: Some(NOW - 998),
                to_ms: Some(NOW - 994),
                ..include.clone()
            },
            newest_first(|n| n % 3 == 2 && (2..=6).contains(&(n / 2))),
        ),
    ]
}

fn by_tags(include: &Filter) -> Vec<(Filter, Vec<u64>)> {
    vec![
        (
            Filter {
                tags: vec![Tag::User("ánn").line()],
                ..include.clone()
            },
            newest_first(|n| n.is_multiple_of(4)),
        ),
        (
            Filter {
                tags: vec![
                    Tag::User("ánn").line(),
                    Tag::Property("plan", "it's \\ pro").line(),
                ],
                ..include.clone()
            },
            newest_first(|n| n.is_multiple_of(8)),
        ),
        (
            Filter {
                tags: vec![Tag::User("án").line()],
                ..include.clone()
            },
            vec![],
        ),
    ]
}

fn by_what_served(all: &Filter, include: &Filter) -> Vec<(Filter, Vec<u64>)> {
    vec![
        (
            Filter {
                model: Some("p/b".to_owned()),
                ..include.clone()
            },
            newest_first(|n| n % 2 == 1),
        ),
        (
            Filter {
                model: Some("a".to_owned()),
                strategy: Some(Strategy::SmartCost.as_str().to_owned()),
                ..include.clone()
            },
            newest_first(|n| n.is_multiple_of(4)),
        ),
        (
            Filter {
                min_confidence: Some(0.3),
                max_confidence: Some(0.7),
                ..include.clone()
            },
            newest_first(|n| !n.is_multiple_of(5) && (6..=14).contains(&n)),
        ),
        (
            Filter {
                request_ids: vec![request(13), request(2), request(900), request(77)],
                ..all.clone()
            },
            vec![13, 2],
        ),
        (
            Filter {
                session_id: Some("' OR 1 = 1 --".to_owned()),
                ..include.clone()
            },
            vec![],
        ),
    ]
}

async fn pages_and_filters(target: &Target) {
    let mut foreign = call(900);
    foreign.tenant = other();
    target.take(events([7, 3, 12, 0, 5])).await;
    target.take(vec![decided(900, foreign)]).await;
    target.take(events((0..CALLS).rev())).await;
    let served = |n: u64| n % 7 != 6;
    let all = Filter::default();
    assert_eq!(listed(target, &all).await, newest_first(served));
    let include = Filter {
        shadows: Shadows::Include,
        ..all.clone()
    };
    let expected = by_what_served(&all, &include).into_iter();
    let expected = expected.chain(by_tags(&include));
    for (filter, expected) in expected.chain(by_what_was_asked(&all, &include)) {
        assert_eq!(listed(target, &filter).await, expected, "{filter:?}");
    }
}

async fn one(target: &Target, whose: &TenantId, request: RequestId) -> Option<Decision> {
    let found = target.log.get(whose, request).await;
    found.expect("answers")
}

async fn what_comes_again_replaces_what_was(target: &Target) {
    let began = Decision {
        stage: Stage::Started,
        ..call(1)
    };
    target.take(vec![decided(50, began.clone())]).await;
    assert_eq!(
        one(target, &tenant(), request(1)).await,
        Some(began.clone())
    );
    let mut ended = call(1);
    ended.outcome.latency_ms = 77;
    target.take(vec![decided(51, ended.clone())]).await;
    target.take(vec![decided(50, began)]).await;
    target.take(vec![decided(51, ended.clone())]).await;
    assert_eq!(one(target, &tenant(), request(1)).await, Some(ended));
    assert_eq!(listed(target, &Filter::default()).await, [1]);
    assert_eq!(one(target, &other(), request(1)).await, None);
    assert_eq!(one(target, &tenant(), request(2)).await, None);
}

fn span() -> Span {
    Span {
        tenant: tenant(),
        from_ms: NOW - 1_000,
        to_ms: NOW - 994,
        shadows: Shadows::Include,
    }
}

async fn exports_tell_everything_once(target: &Target) {
    let within = |n: &u64| n / 2 <= 6;
    target.take(events(0..8)).await;
    let newest = target.log.newest(&span()).await.expect("answers");
    let mut place = Place::Settled {
        newest,
        after: None,
    };
    let (mut told, mut late) = (Vec::new(), (8..CALLS).collect::<Vec<_>>());
    loop {
        let page = target.log.export(&span(), place, 3).await.expect("answers");
        told.extend(numbers(&page.decisions));
        place = page.next;
        if let Some(n) = late.pop() {
            // An older call that comes late, and a newer one.
            target.take(events([n])).await;
            continue;
        }
        if page.is_last {
            break;
        }
    }
    assert_eq!(told[..8], (0..8).collect::<Vec<_>>(), "in their order");
    told.sort_unstable();
    assert_eq!(told, (0..CALLS).filter(within).collect::<Vec<_>>());
    let count = async |most| target.log.count(&span(), most).await.expect("answers");
    assert_eq!((count(100).await, count(5).await), (told.len() as u64, 5));
}

#[tokio::test]
async fn the_store_answers_as_a_log_does() {
    pages_and_filters(&Target::store().await).await;
    what_comes_again_replaces_what_was(&Target::store().await).await;
    exports_tell_everything_once(&Target::store().await).await;
}

#[tokio::test]
async fn clickhouse_lists_pages_and_filters_as_the_store_does() {
    let engine = Engine::start().await;
    pages_and_filters(&Target::clickhouse(&engine).await).await;
}

#[tokio::test]
async fn clickhouse_replaces_and_tells_one_decision_as_the_store_does() {
    let engine = Engine::start().await;
    what_comes_again_replaces_what_was(&Target::clickhouse(&engine).await).await;
}

#[tokio::test]
async fn clickhouse_exports_as_the_store_does() {
    let engine = Engine::start().await;
    exports_tell_everything_once(&Target::clickhouse(&engine).await).await;
}
