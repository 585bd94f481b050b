//! Events on their way to the control plane: on disk before the caller has its answer, sent in order.

mod acks;
mod frame;
mod log;
mod read;
mod send;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use floopy_proto::v1;
use floopy_shared::domain::{
    decision::Decision,
    event::{Event, EventBody},
};
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) use self::{acks::Verdict, send::Sender};
use self::{
    acks::{Acks, Waiter},
    log::Log,
};
use crate::{
    config,
    metrics::{KindLabel, Metrics},
};

/// The spool of one proxy.
///
/// Appending is one `write(2)` under a mutex, made where the event arises: a write to the page cache takes
/// less time than handing it to another thread would, and the caller may only be answered after it. Scoring
/// jobs, which nobody is promised, wait in memory for the next such write or for the delivery.
#[derive(Debug)]
pub(crate) struct Spool {
    log: Mutex<Log>,
    max_bytes: u64,
    level: AtomicU8,
    acks: Acks,
    appended: Notify,
    /// Somebody waits for the control plane's answer.
    urgent: Notify,
    metrics: Arc<Metrics>,
}

/// An event that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the spool is full")]
    Full,
    #[error("the spool cannot be written to")]
    Failing,
    #[error("the event is too long")]
    TooLong,
}

/// What the spool still takes, from everything to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    Ok = 0,
    /// Scoring jobs are dropped.
    NoJobs = 1,
    /// Decisions are dropped as well.
    OnlyRatings = 2,
    /// Nothing more fits.
    Full = 3,
    /// The last write failed; jobs are not even tried.
    Failing = 4,
}

impl Level {
    /// Ratings are worth most and jobs least, so each is refused at a different fill.
    fn of(bytes: u64, max_bytes: u64) -> Self {
        if bytes >= max_bytes {
            Self::Full
        } else if bytes >= max_bytes / 10 * 9 {
            Self::OnlyRatings
        } else if bytes >= max_bytes / 10 * 7 {
            Self::NoJobs
        } else {
            Self::Ok
        }
    }

    fn admits(self, kind: KindLabel) -> Result<(), Refused> {
        match (self, kind) {
            (Self::Ok, _) | (Self::NoJobs, KindLabel::Decision | KindLabel::Rating) => Ok(()),
            (Self::OnlyRatings, KindLabel::Rating) => Ok(()),
            // Trying again is how it is found out that space has returned.
            (Self::Failing, KindLabel::Decision | KindLabel::Rating) => Ok(()),
            (Self::Failing, KindLabel::ScoringJob) => Err(Refused::Failing),
            (Self::NoJobs | Self::OnlyRatings | Self::Full, _) => Err(Refused::Full),
        }
    }

    /// For people.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoJobs => "nearly full: scoring jobs are dropped",
            Self::OnlyRatings => "nearly full: scoring jobs and decisions are dropped",
            Self::Full => "full: nothing is taken",
            Self::Failing => "cannot be written to: events are dropped",
        }
    }

    fn from_u8(value: u8) -> Self {
        [Self::Ok, Self::NoJobs, Self::OnlyRatings, Self::Full]
            .into_iter()
            .find(|level| *level as u8 == value)
            .unwrap_or(Self::Failing)
    }
}

impl Spool {
    /// Opens the spool and finds what was not delivered.
    pub(crate) fn open(
        dir: &Path,
        config: &config::Spool,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let segment_bytes = config.segment_bytes.min(config.max_bytes / 8);
        let (log, recovered) = Log::open(dir, segment_bytes)?;
        if recovered.torn_bytes > 0 {
            tracing::warn!(
                bytes = recovered.torn_bytes,
                "spool: an unfinished write was cut off"
            );
        }
        if recovered.pending_events > 0 {
            tracing::info!(
                events = recovered.pending_events,
                "spool: undelivered events were found"
            );
        }
        Ok(Self {
            log: Mutex::new(log),
            max_bytes: config.max_bytes,
            level: AtomicU8::new(Level::Ok as u8),
            acks: Acks::default(),
            appended: Notify::new(),
            urgent: Notify::new(),
            metrics,
        })
    }

    /// Writes an event; it is on its way when this returns.
    pub(crate) fn append(&self, event: &Event) -> Result<(), Refused> {
        let kind = kind_of(event);
        let appended = self.append_wire(&event.into(), kind);
        if kind == KindLabel::Rating {
            self.urgent.notify_one();
        }
        appended
    }

    /// Writes a decision, under an event id of its own, without copying it first.
    pub(crate) fn append_decision(
        &self,
        decision: &Decision,
        recorded_at_ms: u64,
    ) -> Result<(), Refused> {
        let event = v1::Event {
            id: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
            recorded_at_ms,
            body: Some(v1::event::Body::Decision(decision.into())),
        };
        self.append_wire(&event, KindLabel::Decision)
    }

    fn append_wire(&self, event: &v1::Event, kind: KindLabel) -> Result<(), Refused> {
        let appended = self.try_append(event, kind);
        match appended {
            Ok(()) => self.appended.notify_one(),
            Err(_) => self.metrics.spool_dropped(kind),
        }
        appended
    }

    fn try_append(&self, event: &v1::Event, kind: KindLabel) -> Result<(), Refused> {
        let length = frame::length(event).ok_or(Refused::TooLong)?;
        let mut log = self.lock();
        let by_fill = Level::of(log.bytes() + length as u64, self.max_bytes);
        let failing = self.level() == Level::Failing;
        by_fill.admits(kind)?;
        if failing {
            Level::Failing.admits(kind)?;
        }
        let jobs = log.queue(event);
        let written = match kind {
            KindLabel::Decision | KindLabel::Rating => log.write_queued(),
            KindLabel::ScoringJob => log.write_if_many(),
        };
        let fill = Level::of(log.bytes(), self.max_bytes);
        drop(log);
        match written {
            Ok(()) => {
                self.set_level(fill, None);
                Ok(())
            }
            Err(error) => {
                self.lost(jobs, &error);
                Err(Refused::Failing)
            }
        }
    }

    /// Registers for the control plane's answer to an event that is about to be appended.
    pub(crate) fn expect_ack(&self, event: &Event) -> Option<Waiter<'_>> {
        self.acks.expect(event.id)
    }

    /// What is taken now.
    pub(crate) fn level(&self) -> Level {
        Level::from_u8(self.level.load(Ordering::Relaxed))
    }

    /// Undelivered events, and bytes on disk.
    pub(crate) fn depth(&self) -> (u64, u64) {
        let log = self.lock();
        (log.pending(), log.bytes())
    }

    /// A write failed, and so many scoring jobs that were queued before went with it.
    fn lost(&self, jobs: u64, error: &io::Error) {
        (0..jobs).for_each(|_| self.metrics.spool_dropped(KindLabel::ScoringJob));
        self.set_level(Level::Failing, Some(error));
    }

    /// Space was given back.
    fn relieved(&self, bytes: u64) {
        if self.level() != Level::Failing {
            self.set_level(Level::of(bytes, self.max_bytes), None);
        }
    }

    /// Says so once per change.
    fn set_level(&self, level: Level, error: Option<&io::Error>) {
        let before = Level::from_u8(self.level.swap(level as u8, Ordering::Relaxed));
        if before == level {
            return;
        }
        match (level, error) {
            (Level::Ok, _) => tracing::info!("spool: takes everything again"),
            (_, Some(error)) => tracing::error!(%error, "spool: {}", level.as_str()),
            (_, None) => tracing::warn!("spool: {}", level.as_str()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind_of(event: &Event) -> KindLabel {
    match &event.body {
        EventBody::Decision(_) => KindLabel::Decision,
        EventBody::Rating(_) => KindLabel::Rating,
        EventBody::ScoringJob(_) => KindLabel::ScoringJob,
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        event::{Rating, RatingScore, RatingSubject, ScoringJob},
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
    fn an_event_too_long_for_a_message_is_refused() {
        let dir = tempfile::tempdir().expect("dir");
        assert_eq!(
            spool(dir.path(), 64 << 20).append(&job(3 << 20)),
            Err(Refused::TooLong)
        );
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
}
