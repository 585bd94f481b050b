//! Events on their way to the control plane: on disk before the caller has its answer, sent in order.

mod acks;
mod batch_size;
mod frame;
mod level;
mod log;
mod read;
mod send;
#[cfg(test)]
mod tests;

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
/// are ready at the same time on the same thread share one. Scoring jobs and what sessions said, which nobody is promised, wait in
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
            KindLabel::ScoringJob | KindLabel::Content => {
                self.take(frame, kind, Log::write_if_many)?
            }
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

    /// The same; in a crowd, after every other call that is ready on this thread had its turn: what they queue is
    /// written with it. Under load that is one write for many records.
    pub(crate) async fn written(&self, ticket: Ticket, is_crowded: bool) {
        if is_crowded {
            tokio::task::yield_now().await;
        }
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
        let filled = log.bytes() + bytes as u64;
        // Of a session much may be said; what is judged is learned from.
        if kind == KindLabel::Content && filled >= self.max_bytes / 2 {
            return Err(Refused::Full);
        }
        Level::of(filled, self.max_bytes).admits(kind)?;
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
        EventBody::Content(_) => KindLabel::Content,
    }
}
