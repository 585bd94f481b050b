//! What is taken at which fill, and what is written when.

use floopy_shared::domain::{
    event::{Content, Rating, RatingScore, RatingSubject, ScoringJob},
    ids::{CandidateKey, RequestId, SessionId, TenantId},
};
use uuid::Uuid;

use super::*;

fn spool(dir: &Path, max_bytes: u64) -> Spool {
    let config = config::Spool {
        max_bytes,
        segment_bytes: 4 << 10,
        flush_ms: 0,
    };
    Spool::open(dir, &config, Arc::new(Metrics::default())).expect("opens")
}

fn event(body: EventBody) -> Event {
    Event {
        id: Uuid::new_v4(),
        recorded_at_ms: 1,
        body,
    }
}

fn rating() -> Event {
    event(EventBody::Rating(Rating {
        tenant: TenantId::new("t").expect("valid"),
        subject: RatingSubject::Session(SessionId::new("s").expect("valid")),
        score: RatingScore::new(9).expect("valid"),
        useful: true,
        revise: false,
        retracted: false,
        rated_at_ms: 1,
    }))
}

fn job(bytes: usize) -> Event {
    event(EventBody::ScoringJob(ScoringJob {
        request_id: RequestId(Uuid::nil()),
        tenant: TenantId::new("t").expect("valid"),
        candidate: CandidateKey::parse("p/m").expect("valid"),
        prompt: "x".repeat(bytes),
        reply: String::new(),
        truncated: false,
        json_expected: false,
        session_id: None,
        asked_at_ms: 0,
        uncertainty: 0,
        calls: Vec::new(),
    }))
}

#[test]
fn jobs_are_dropped_first_and_ratings_last() {
    let dir = tempfile::tempdir().expect("dir");
    let spool = spool(dir.path(), 16 << 10);
    let mut jobs = 0;
    while spool.append(&job(1_000)).is_ok() {
        jobs += 1;
    }
    assert_eq!(jobs, 10, "7/10 of 16 KiB");
    assert_eq!(spool.append(&job(5_000)), Err(Refused::Full));
    let mut ratings = 0;
    while spool.append(&rating()).is_ok() {
        ratings += 1;
    }
    assert!(ratings > 30, "{ratings}");
    assert_eq!(spool.level(), Level::OnlyRatings);
    assert!(spool.depth().1 <= 16 << 10);
}

#[test]
fn what_sessions_said_is_dropped_before_jobs() {
    let dir = tempfile::tempdir().expect("dir");
    let spool = spool(dir.path(), 16 << 10);
    let content = || {
        event(EventBody::Content(Content {
            request_id: RequestId(Uuid::nil()),
            tenant: TenantId::new("t").expect("valid"),
            session_id: SessionId::new("s").expect("valid"),
            created_at_ms: 1,
            candidate: CandidateKey::parse("p/m").expect("valid"),
            messages: "x".repeat(1_000),
            reply: None,
            truncated: false,
        }))
    };
    let mut contents = 0;
    while spool.append(&content()).is_ok() {
        contents += 1;
    }
    assert_eq!(contents, 7, "half of 16 KiB");
    assert_eq!(spool.append(&job(1_000)), Ok(()));
    assert_eq!(spool.level(), Level::Ok);
}

#[test]
fn an_event_too_long_for_a_message_is_refused() {
    let dir = tempfile::tempdir().expect("dir");
    assert_eq!(
        spool(dir.path(), 64 << 20).append(&job(3 << 20)),
        Err(Refused::TooLong)
    );
}

#[tokio::test]
async fn what_is_ready_together_is_written_together_before_anybody_goes_on() {
    let dir = tempfile::tempdir().expect("dir");
    let spool = spool(dir.path(), 1 << 20);
    let on_disk = || {
        let segments = std::fs::read_dir(dir.path()).expect("listed");
        let size = |file: io::Result<std::fs::DirEntry>| file.and_then(|file| file.metadata());
        segments
            .map(|file| size(file).expect("a file").len())
            .sum::<u64>()
    };
    let queue = || {
        let frame = frame::of(&v1::Event::from(&rating()));
        spool.take(frame, KindLabel::Rating, |_| Ok(Written::Nothing))
    };
    let call = async || {
        let ticket = queue().expect("room");
        let before = on_disk();
        spool.written(ticket, true).await;
        (before, on_disk())
    };
    let (first, second) = tokio::join!(call(), call());
    assert_eq!(first, second, "neither goes on before one write took both");
    assert!(first.0 == 0 && first.1 > 0 && spool.depth().0 == 2);
}

#[test]
fn a_failing_disk_is_noticed_and_its_return_too() {
    let dir = tempfile::tempdir().expect("dir");
    let spool = spool(dir.path(), 1 << 20);
    std::fs::remove_dir_all(dir.path()).expect("removed");
    assert_eq!(spool.append(&rating()), Err(Refused::Failing));
    assert_eq!(spool.level(), Level::Failing);
    assert_eq!(
        spool.append(&job(1)),
        Err(Refused::Failing),
        "jobs are not even tried"
    );
    std::fs::create_dir_all(dir.path()).expect("back");
    assert_eq!(spool.append(&rating()), Ok(()));
    assert_eq!(spool.level(), Level::Ok);
}
