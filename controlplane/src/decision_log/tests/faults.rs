//! What comes twice, late or not at all, and what goes by itself.

use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::{
    config::decision_log::Address,
    decision_log::{ClickHouse, LogError, clickhouse::Logged},
    store::outbox,
};

async fn rows(engine: &Engine, which: &str) -> u64 {
    let text = format!("SELECT count() FROM decisions {which}");
    engine.log().counted(&text).await.expect("counts")
}

#[tokio::test]
async fn batches_that_come_again_or_in_another_order_change_nothing() {
    let engine = Engine::start().await;
    let target = Target::clickhouse(&engine).await;
    target.take(vec![]).await;
    let mut batches = Vec::new();
    for latency_ms in [1, 2, 3] {
        let mut decision = call(1);
        decision.outcome.latency_ms = latency_ms;
        append(&target.intake, vec![decided(50 + latency_ms, decision)]).await;
        let waiting = outbox::waiting(&target.intake.store, 10).await;
        let sent = waiting.expect("reads").decisions.into_iter();
        batches.push(
            sent.map(|sent| Logged::of(sent, 1 << 40))
                .collect::<Vec<_>>(),
        );
    }
    let log = engine.log();
    let unmerged = log.execute("SYSTEM STOP MERGES decisions");
    unmerged.await.expect("stopped");
    for at in [2, 0, 1, 2, 0] {
        engine.log().put(&batches[at]).await.expect("taken");
    }
    assert_eq!(rows(&engine, "").await, 5, "they are all there");
    let found = one(&target, &tenant(), request(1)).await.expect("found");
    assert_eq!(found.outcome.latency_ms, 3);
    assert_eq!(listed(&target, &Filter::default()).await, [1]);
    assert_eq!(target.log.count(&span(), 10).await.expect("answers"), 1);
}

#[tokio::test]
async fn what_came_while_the_engine_was_gone_is_there_afterwards_once() {
    let mut engine = Engine::start().await;
    let target = Target::clickhouse(&engine).await;
    target.take(events(0..3)).await;
    engine.kill();
    append(&target.intake, events(2..6)).await;
    target.ship().await.expect_err("nobody is there");
    append(&target.intake, events(5..8)).await;
    let gone = target.log.get(&tenant(), request(1)).await;
    gone.expect_err("nobody is there");
    engine.start_again().await;
    target.ship().await.expect("sent");
    // The questions before it may have had it left alone.
    let again = Target {
        log: crate::decision_log::DecisionLog::ClickHouse(std::sync::Arc::new(engine.log())),
        ..target
    };
    let expected: Vec<u64> = (0..8).rev().filter(|n| *n != 6).collect();
    assert_eq!(listed(&again, &Filter::default()).await, expected);
    assert_eq!(rows(&engine, "FINAL").await, 8);
}

#[tokio::test]
async fn what_is_too_old_goes_by_itself_and_sooner_where_less_is_kept() {
    let engine = Engine::start().await;
    let target = Target::clickhouse(&engine).await;
    target.take(vec![]).await;
    let mut logged = Vec::new();
    append(&target.intake, events(0..4)).await;
    let waiting = outbox::waiting(&target.intake.store, 10).await;
    for (sent, kept_ms) in waiting
        .expect("reads")
        .decisions
        .into_iter()
        .zip([0, 1, 1, 1])
    {
        // The first was made in another time.
        let mut sent = sent;
        if kept_ms == 0 {
            sent.decision.created_at_ms = 1_000;
        }
        logged.push(Logged::of(sent, kept_ms << 40));
    }
    let log = engine.log();
    log.put(&logged).await.expect("taken");
    assert_eq!(listed(&target, &Filter::default()).await, [3, 2, 1]);
    log.execute("OPTIMIZE TABLE decisions FINAL")
        .await
        .expect("merged");
    assert_eq!(rows(&engine, "").await, 3);
    log.forget(Some(&other()), NOW).await.expect("nothing");
    log.forget(Some(&tenant()), NOW - 999)
        .await
        .expect("forgets");
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while rows(&engine, "").await > 2 {
        tick.tick().await;
    }
    assert_eq!(listed(&target, &Filter::default()).await, [3, 2]);
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused_and_an_emptied_one_gets_everything_again() {
    let engine = Engine::start().await;
    let target = Target::clickhouse(&engine).await;
    target.take(events(0..3)).await;
    let log = engine.log();
    for table in ["decisions", "floopy_log"] {
        let gone = format!("DROP TABLE {table} SYNC");
        log.execute(&gone).await.expect("dropped");
    }
    target.take(events(3..5)).await;
    assert_eq!(listed(&target, &Filter::default()).await, [4, 3, 2, 1, 0]);
    let newer = "INSERT INTO floopy_log VALUES (9999, 'x')";
    log.execute(newer).await.expect("written");
    let error = target.ship().await.expect_err("newer").to_string();
    assert!(error.contains("9999"), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_a_moment_and_then_left_alone() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let at = silent.local_addr().expect("bound");
    let address = Address::parse(&format!("http://{at}/logs")).expect("valid");
    let log = ClickHouse::new(&address, Duration::from_millis(50));
    for _ in 0..3 {
        let error = log.get(&tenant(), request(1)).await.expect_err("late");
        assert!(matches!(error, LogError::Late { .. }), "{error}");
    }
    let error = log
        .get(&tenant(), request(1))
        .await
        .expect_err("left alone");
    assert!(matches!(error, LogError::LeftAlone { .. }), "{error}");
    assert!(error.to_string().contains(&at.to_string()), "{error}");
}
