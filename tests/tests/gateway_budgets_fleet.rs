//! What was spent of budgets is known after restarts, and at every proxy.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use std::path::{Path, PathBuf};

use floopy_tests::{
    Floopy, Neighbour, Redis, Settings, Shape, Upstream,
    budgets::{TOKENS, ask, hello, put, until_used, used},
    in_both_shapes,
};
use serde_json::json;

in_both_shapes!(what_was_spent_outlasts_restarts_and_the_loss_of_the_books);

/// The books of the only proxy, where they are by now.
fn books(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = books(&path) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|name| name == "budgets.bin") {
            return Some(path);
        }
    }
    None
}

async fn what_was_spent_outlasts_restarts_and_the_loss_of_the_books(shape: Shape) {
    let upstream = Upstream::start().await;
    let mut floopy = Floopy::start(shape, &upstream).await;
    let api = floopy.api();
    put(
        &api,
        json!([{"name": "all", "by": "tenant", "period": "rolling_30d", "max_tokens": 10_000}]),
    )
    .await;
    for _ in 0..5 {
        ask(&api, &[], &hello()).await.ok();
    }
    assert_eq!(used(&api, &[]).await, Ok(5 * TOKENS));
    floopy.stop_proxy().await;
    floopy.start_proxy().await;
    assert_eq!(used(&api, &[]).await, Ok(5 * TOKENS), "its own books");
    ask(&api, &[], &hello()).await.ok();
    floopy.kill_proxy();
    let kept = books(floopy.dir()).expect("books");
    std::fs::remove_file(&kept).expect("removed");
    floopy.start_proxy().await;
    // From the records, those that were on the disk when it was killed included.
    until_used(&api, &[], 6 * TOKENS).await;
    ask(&api, &[], &hello()).await.ok();
    until_used(&api, &[], 7 * TOKENS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_hears_from_the_control_plane_what_another_spent() {
    let upstream = Upstream::start().await;
    let floopy = Floopy::start(Shape::Split, &upstream).await;
    let other = Neighbour::of(&floopy, Shape::Split, "other").await;
    let (one, two) = (floopy.api(), other.api());
    let budget = json!([{"name": "all", "by": "tenant", "max_tokens": 10_000}]);
    put(&one, budget).await;
    for (count, api) in [(1, &one), (2, &two), (3, &one)] {
        ask(api, &[], &hello()).await.ok();
        for api in [&one, &two] {
            until_used(api, &[], count * TOKENS).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_that_share_a_redis_hear_of_each_other_without_the_control_plane() {
    let upstream = Upstream::start().await;
    let redis = Redis::start().await;
    let settings = redis.shared_by(Settings::for_upstream(&upstream));
    let floopy = Floopy::with(Shape::Split, settings).await;
    let other = Neighbour::of(&floopy, Shape::Split, "other").await;
    let (one, two) = (floopy.api(), other.api());
    put(
        &one,
        json!([{"name": "users", "by": "user", "max_tokens": 10_000}]),
    )
    .await;
    let ann = [("floopy-user-id", "ann")];
    until_used(&two, &ann, 0).await;
    floopy.freeze_control();
    for (count, api) in [(1, &one), (2, &two), (3, &one)] {
        ask(api, &ann, &hello()).await.ok();
        for api in [&one, &two] {
            until_used(api, &ann, count * TOKENS).await;
        }
    }
    floopy.thaw_control();
    let names = redis.names();
    let spent = |name: &&String| name.contains(":spent:acme:user-month:");
    assert!(names.iter().any(|name| spent(&name)), "{names:?}");
    assert!(names.iter().all(|name| !name.contains("ann")), "{names:?}");
}
