//! Both logs sum costs and savings in the same way.

use floopy_shared::domain::{
    decision::Decision,
    event::Event,
    ids::TenantId,
    money::Prices,
    savings::{Excluded, Priced},
    tags::Tag,
};

use super::{
    call,
    engine::{Engine, Target},
    other,
};
use crate::{
    fixture::*,
    store::accounted::{
        During, Line,
        sessions::{Apart, Asked, Mark, Spent},
    },
};

/// Of the calls of the suite.
const CALLS: u64 = 24;

fn priced(n: u64) -> Decision {
    let prices = |per_mtok| {
        Some(Prices {
            input_micro_usd_per_mtok: per_mtok,
            output_micro_usd_per_mtok: per_mtok,
            cached_input_micro_usd_per_mtok: None,
        })
    };
    let mut call = call(n);
    call.rule = (!n.is_multiple_of(3)).then(|| format!("rule {}", n % 2));
    call.outcome.usage.input = 1_000 * n;
    call.outcome.usage_estimated = false;
    call.priced = (!n.is_multiple_of(11)).then(|| Priced {
        baseline: Some(key("base")),
        baseline_prices: prices(2_000_000),
        served_prices: prices(1_000_000),
        table_version: n,
    });
    if n.is_multiple_of(5) {
        call.outcome.status = 502;
    }
    if n == 13 {
        call.session_id = None;
    }
    call
}

fn during(whose: &TenantId) -> During<'_> {
    During {
        tenant: whose,
        from_ms: NOW - 999,
        to_ms: NOW - 990,
    }
}

async fn paged(target: &Target, tags: &[String], apart: Apart) -> Vec<Spent> {
    let (whose, mut all, mut after) = (tenant(), Vec::<Spent>::new(), None::<Mark>);
    // Sessions that are told in parts are not told by pages.
    let limit = if apart == Apart::Nothing { 1 } else { 100 };
    loop {
        let asked = Asked {
            during: during(&whose),
            tags,
            apart,
            is_with_others: apart != Apart::Nothing,
            after: after.as_ref(),
            limit,
        };
        let page = target.log.sessions(&asked).await.expect("answers");
        let is_last = page.len() < limit as usize || apart != Apart::Nothing;
        after = page.last().map(|last| Mark {
            last_ms: last.last_ms,
            session: last.session.clone(),
        });
        all.extend(page);
        if is_last {
            return all;
        }
    }
}

/// Everything that is summed of the same calls.
async fn sums(target: &Target) -> (Vec<Line>, Vec<Vec<Spent>>) {
    let mut foreign = priced(900);
    foreign.tenant = other();
    foreign.created_at_ms = NOW - 995;
    target.take(vec![decided(900, foreign)]).await;
    let events: Vec<Event> = (0..CALLS).map(|n| decided(n, priced(n))).collect();
    target.take(events).await;
    // What comes again counts once.
    target.take(vec![decided(7, priced(7))]).await;
    let whose = tenant();
    let lines = target.log.lines(during(&whose)).await.expect("answers");
    let pro = [Tag::Property("plan", "it's \\ pro").line()];
    let sessions = vec![
        paged(target, &[], Apart::Nothing).await,
        paged(target, &pro, Apart::Nothing).await,
        paged(target, &[], Apart::Tags).await,
        paged(target, &[], Apart::Model).await,
        paged(target, &[], Apart::Task).await,
    ];
    (lines, sessions)
}

/// The same added up by hand.
fn by_hand() -> (u64, u64, u64) {
    let within = (0..CALLS).map(priced).filter(|call| {
        (NOW - 999..=NOW - 990).contains(&call.created_at_ms) && call.shadow_of.is_none()
    });
    within.fold((0, 0, 0), |(calls, counted, baseline), call| {
        let figures = floopy_shared::domain::savings::Facts::of(&call).counted();
        let more = figures.map_or((0, 0), |figures| (1, figures.baseline_micro_usd));
        (calls + 1, counted + more.0, baseline + more.1)
    })
}

#[tokio::test]
async fn the_store_sums_what_there_is() {
    let (lines, sessions) = sums(&Target::store().await).await;
    let (calls, counted, baseline) = by_hand();
    assert_eq!(lines.iter().map(|line| line.calls).sum::<u64>(), calls);
    let of = lines.iter().filter(|line| line.excluded.is_none());
    let of: Vec<&Line> = of.collect();
    assert_eq!(of.iter().map(|line| line.calls).sum::<u64>(), counted);
    assert_eq!(
        of.iter().map(|line| line.baseline_micro_usd).sum::<u64>(),
        baseline
    );
    assert!(
        lines
            .iter()
            .any(|line| line.excluded == Some(Excluded::NotRecorded))
    );
    for parts in &sessions[2..] {
        assert_eq!(parts.iter().map(|part| part.calls).sum::<u64>(), calls);
        assert_eq!(
            parts
                .iter()
                .map(|part| part.baseline_micro_usd)
                .sum::<u64>(),
            baseline
        );
    }
    assert_eq!(sessions[0].len(), 3);
    assert!(sessions[0].is_sorted_by(|a, b| a.last_ms >= b.last_ms));
}

#[tokio::test]
async fn clickhouse_sums_as_the_store_does() {
    let engine = Engine::start().await;
    let there = sums(&Target::clickhouse(&engine).await).await;
    assert_eq!(there, sums(&Target::store().await).await);
}
