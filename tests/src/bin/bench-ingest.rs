//! Measures how fast the control plane takes in what happened, over gRPC in memory and into a real store.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use floopy_shared::process::clock::Clock;
use floopy_tests::bench::{
    ingest::{
        Control, Run,
        world::{Named, World},
    },
    report::say,
};
use tikv_jemallocator::Jemalloc;

/// The one that `floopy` ships with: what is measured is what runs.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const TENANTS: usize = 100;
/// Sessions of four calls each; another number can be given as the first argument.
const SESSIONS: usize = 50_000;
/// Replies that a judge leases, and so reports, at a time.
const JUDGE_BATCH: usize = 64;
/// The same of a busier one.
const LARGE_JUDGE_BATCH: usize = 256;
/// Feedback events per second that one writer must take.
const TARGET: f64 = 10_000.0;

#[tokio::main]
async fn main() {
    let given = std::env::args().nth(1);
    let sessions = given.map_or(SESSIONS, |n| n.parse().expect("a number of sessions"));
    let mut world = World::new(TENANTS, sessions, Clock::system().now_ms());
    let dir = tempfile::tempdir().expect("a directory");
    let control = Control::start(dir.path(), world.tenants()).await;
    say(&format!(
        "ingest over gRPC in memory, {TENANTS} tenants, {sessions} sessions of 4 calls; target {TARGET:.0} \
         feedback events/s"
    ));
    let half = sessions / 2;
    let decisions = world.decisions(0..sessions);
    say(&control.append(decisions).await.line("decisions"));
    let scores = world.scores(0..half);
    feedback("scores", control.report(scores, JUDGE_BATCH).await);
    let scores = world.scores(half..sessions);
    let run = control.report(scores, LARGE_JUDGE_BATCH).await;
    feedback("scores, larger reports", run);
    let whats = [
        ("ratings by session id", 0..half, Named::Session, false),
        (
            "ratings by completion id",
            half..half + half / 2,
            Named::Completion,
            false,
        ),
        (
            "ratings by request id",
            half + half / 2..sessions,
            Named::Request,
            false,
        ),
        ("revised ratings", 0..sessions, Named::Session, true),
    ];
    for (what, range, named, revise) in whats {
        let ratings = world.ratings(range, named, revise);
        feedback(what, control.append(ratings).await);
    }
    let ratings = world.reply_ratings(0..sessions);
    feedback("ratings of one reply", control.append(ratings).await);
    control.stop().await;
}

fn feedback(what: &str, run: Run) {
    let ratio = run.per_second() / TARGET;
    let verdict = if ratio >= 1.0 { "met" } else { "MISSED" };
    say(&format!("{}  {verdict} ({ratio:.2}×)", run.line(what)));
}
