//! What the drift monitors know outlives the process, at whatever moment that ends.

use floopy_shared::domain::event::Event;

use super::*;
use crate::{
    fixture::{append, decided, decision, key, score, tenant},
    store::Location,
};

/// Scores before the drop: what is usual.
const USUAL: u64 = 120;
/// Scores after it, more than an alarm takes.
const DROPPED: u64 = 200;

/// A process over the store in `directory`: its intake and its job.
async fn process(directory: &std::path::Path) -> (Intake, Refresh) {
    let location = Location::Directory(directory.to_owned());
    let intake = Intake {
        store: Store::open(&location).await.expect("opens"),
        ..intake().await
    };
    let job = started(&intake, &[tenant().as_str()]).await;
    (intake, job)
}

/// Whether the process ends, and how, after so many scores.
#[derive(Debug, Clone, Copy)]
enum End {
    Never,
    /// What the monitors know was written down just before.
    Saved(u64),
    /// The last scores were committed, and nobody saw them yet.
    Unseen(u64),
}

/// Scores taken until there is an alarm, and what the monitors know then.
async fn until_alarm(end: End) -> (u64, Drift) {
    let root = tempfile::tempdir().expect("temporary directory");
    let (mut intake, mut job) = process(root.path()).await;
    for n in 1..=USUAL + DROPPED {
        let call: Event = decided(n, decision(n));
        append(&intake, vec![call]).await;
        let usual = if n.is_multiple_of(5) { 0.3 } else { 0.9 };
        let composite = if n > USUAL { usual - 0.3 } else { usual };
        let told = intake.report(vec![score(n, composite)], vec![]).await;
        told.expect("works");
        let (saved, unseen) = match end {
            End::Never => (false, false),
            End::Saved(at) => (at == n, false),
            End::Unseen(at) => (false, (at..at + 5).contains(&n)),
        };
        if !unseen {
            job.heard.saved = None;
            job.refresh(&BTreeSet::new()).await.expect("refreshes");
        }
        if saved || unseen {
            intake.store.close().await;
            (intake, job) = process(root.path()).await;
        }
        if job.drift.alarms(&tenant()).contains_key(&key("a")) {
            return (n, job.drift);
        }
    }
    panic!("no alarm within {DROPPED} scores, {end:?}");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_drop_does_not_delay_its_alarm() {
    let (at, knows) = until_alarm(End::Never).await;
    assert!(at > USUAL + 10, "the drop takes some scores, {at}");
    for end in [
        End::Saved(USUAL / 2),
        End::Saved(USUAL + 5),
        End::Saved(at - 1),
        End::Unseen(USUAL + 3),
        End::Unseen(at - 6),
    ] {
        assert_eq!(until_alarm(end).await, (at, knows.clone()), "{end:?}");
    }
}

#[tokio::test]
async fn what_was_seen_is_not_shown_again_and_its_outcomes_go() {
    let root = tempfile::tempdir().expect("temporary directory");
    let (intake, mut job) = process(root.path()).await;
    append(&intake, vec![decided(1, decision(1))]).await;
    let waiting = async || drift::after(&intake.store, 0).await.expect("reads").len();
    assert_eq!(waiting().await, 1);
    job.refresh(&BTreeSet::new()).await.expect("refreshes");
    assert_eq!(waiting().await, 0);
    let again = started(&intake, &[]).await;
    assert_eq!(again.drift, job.drift);
    append(&intake, vec![decided(2, decision(2))]).await;
    let numbers = drift::after(&intake.store, job.heard.to).await;
    assert_eq!(numbers.expect("reads").len(), 1, "numbers are not reused");
}
