//! Events on their way to the control plane: on disk before the caller has its answer, sent in order.

mod acks;
mod frame;
mod level;
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

use floopy_proto::v1;
use floopy_shared::{
    domain::{
        decision::Decision,
        event::{Event, EventBody},
    },
    wire::decision::encode_event,
};
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) use self::{acks::Verdict, level::Level, log::Ticket, send::Sender};
use self::{
    acks::{Acks, Waiter},
    log::{Log, Unwritten, Written},
};
use crate::{
    config,
    metrics::{KindLabel, Metrics},
};

/// Longer than most: twenty candidates of about 90 bytes each, and what is known of the call.
const COMMON_DECISION_BYTES: usize = 3 << 10;

/// The spool of one proxy.
///
/// Appending is one `write(2)` under a mutex, made where the event arises: a write to the page cache takes
/// less time than handing it to another thread would, and the caller may only be answered after it. Calls that
/// are ready at the same time on the same thread share one. Scoring jobs, which nobody is promised, wait in
/// memory for the next such write or for the delivery. Files are created and deleted without the mutex wherever
/// nobody has to wait for that.
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
        let frame = frame::of(&v1::Event::from(event));
        match kind {
            KindLabel::Decision => self.take(frame, kind, Log::write_queued)?,
            KindLabel::ScoringJob => self.take(frame, kind, Log::write_if_many)?,
            KindLabel::Rating => {
                let taken = self.take(frame, kind, Log::write_queued);
                self.urgent.notify_one();
                taken?
            }
        };
        Ok(())
    }

    /// Takes a decision, under an event id of its own, without copying it first. It is written with the next
    /// write, at the latest when [`Self::write_until`] or [`Self::written`] returns.
    pub(crate) fn queue_decision(
        &self,
        decision: &Decision,
        recorded_at_ms: u64,
    ) -> Result<Ticket, Refused> {
        let frame = frame::framed(COMMON_DECISION_BYTES, |out| {
            encode_event(Uuid::new_v4(), recorded_at_ms, decision, out);
        });
        self.take(frame, KindLabel::Decision, |_| Ok(Written::Nothing))
    }

    /// Writes what was queued up to there. That it could not be is counted and logged.
    pub(crate) fn write_until(&self, ticket: Ticket) {
        let mut log = self.lock();
        let written = log.write_until(ticket);
        // Whoever is refused was told so when it queued; the caller is served all the same.
        let _ = self.conclude(log, written);
    }

    /// The same, after every other call that is ready on this thread had its turn: what they queue is written
    /// with it. Under load that is one write for many records.
    pub(crate) async fn written(&self, ticket: Ticket) {
        tokio::task::yield_now().await;
        self.write_until(ticket);
    }

    fn take(
        &self,
        frame: Option<Vec<u8>>,
        kind: KindLabel,
        write: impl FnOnce(&mut Log) -> Result<Written, Unwritten>,
    ) -> Result<Ticket, Refused> {
        let Some(frame) = frame else {
            self.metrics.spool_dropped(kind);
            return Err(Refused::TooLong);
        };
        let mut log = self.lock();
        if let Err(refused) = self.admit(&log, frame.len(), kind) {
            drop(log);
            self.metrics.spool_dropped(kind);
            return Err(refused);
        }
        let ticket = log.queue(&frame, kind);
        let written = write(&mut log);
        self.conclude(log, written)?;
        self.appended.notify_one();
        Ok(ticket)
    }

    fn admit(&self, log: &Log, bytes: usize, kind: KindLabel) -> Result<(), Refused> {
        Level::of(log.bytes() + bytes as u64, self.max_bytes).admits(kind)?;
        if self.level() == Level::Failing {
            Level::Failing.admits(kind)?;
        }
        Ok(())
    }

    fn conclude(
        &self,
        log: MutexGuard<'_, Log>,
        written: Result<Written, Unwritten>,
    ) -> Result<(), Refused> {
        let fill = Level::of(log.bytes(), self.max_bytes);
        drop(log);
        match written {
            Ok(Written::Nothing) => Ok(()),
            Ok(Written::All) => {
                self.set_level(fill, None);
                Ok(())
            }
            Err(unwritten) => {
                self.lost(&unwritten);
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

    /// A write failed.
    fn lost(&self, unwritten: &Unwritten) {
        for kind in &unwritten.kinds {
            self.metrics.spool_dropped(*kind);
        }
        self.set_level(Level::Failing, Some(&unwritten.error));
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
            spool.written(ticket).await;
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
}
