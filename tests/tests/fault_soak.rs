//! The soak in short: mixed traffic with bad clients and failing providers leaves nothing behind and loses nothing.

use std::time::Duration;

use floopy_tests::soak::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_soak_leaks_nothing_and_loses_no_record() {
    let report = run(Plan {
        duration: Duration::from_secs(12),
        warm_up: Duration::from_secs(7),
        idle: Duration::ZERO,
        // Too short for the bounded memories to fill.
        noise_kib: 8 << 10,
        seed: 3,
    })
    .await;
    assert!(report.problems.is_empty(), "{}", report.text());
}
