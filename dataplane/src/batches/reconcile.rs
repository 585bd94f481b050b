//! Looks after open batches: asks what has become of them, and records those that have ended.
//!
//! The control plane leases each to one proxy at a time. What is recorded has names made of the batch's and the line's, so
//! that a proxy that dies half-way loses nothing, and nothing counts twice.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use floopy_shared::domain::batch::{Batch, Part};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    fold::fold,
    look::{Seen, ask_about, object_of},
    names::new_name,
    outputs::FIELDS,
};
use crate::{gateway::Gateway, http::respond::Refusal};

/// For one batch: a hundred thousand lines are read and recorded in far less.
const LEASE: Duration = Duration::from_secs(900);
/// Batches of one lease, looked after one by one.
const LEASED: u32 = 4;
/// A provider that has not said by then that it took a batch will not.
const UNTAKEN_MS: u64 = 3_600_000;
/// Until a batch is looked at again that could not be looked after: longer, the older it is.
const FAILED_AGAIN_MS: u64 = 30_000;
/// Whose results cannot be read by then is given up. Providers end a batch within a day, and keep results for weeks.
const GIVEN_UP_MS: u64 = 7 * 86_400_000;
/// Longest time between two looks.
const MAX_POLL_MS: u64 = 600_000;
/// A batch is looked at again after this part of the time that it has taken so far.
const AGE_PART: u64 = 10;
/// How often a batch is entered that others enter too.
const ENTER_TIMES: u32 = 5;

/// The task that looks after batches.
pub(crate) struct Reconciler {
    gateway: Arc<Gateway>,
    /// Tells this run from those before it.
    instance: String,
    /// Whether batches were leased to this run: from then on no run before it has any.
    has_leased: AtomicBool,
}

impl Reconciler {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            instance: new_name(""),
            has_leased: AtomicBool::new(false),
        }
    }

    /// Runs until stopped. What is under way then is done again after the next start.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let poll = Duration::from_millis(self.gateway.config.batches.poll_ms);
        let looking = async {
            loop {
                let found = Box::pin(self.round()).await;
                if found < LEASED as usize {
                    tokio::select! {
                        () = sleep(poll) => {}
                        () = self.gateway.batches.due.notified() => {}
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            never = looking => never,
        }
    }

    async fn round(&self) -> usize {
        let node = &self.gateway.config.node;
        let resumes = !self.has_leased.load(Relaxed);
        let who = (node.as_str(), self.instance.as_str(), resumes);
        let leased = self.gateway.batches.books.lease(who, (LEASED, LEASE)).await;
        // Until there are no more than are given at once, some of a run before may be left.
        let is_done = leased.as_ref().is_ok_and(|all| all.len() < LEASED as usize);
        self.has_leased.fetch_or(is_done, Relaxed);
        // The control plane being away is told by whoever waits for it.
        let leased = leased.unwrap_or_default();
        let found = leased.len();
        for batch in leased {
            if let Err(refusal) = self.tend(&batch).await {
                self.put_off(&batch, &refusal).await;
            }
        }
        found
    }

    fn age_ms(&self, batch: &Batch) -> u64 {
        let now_ms = self.gateway.clock.now_ms();
        now_ms.saturating_sub(batch.created_at_ms)
    }

    /// Tries a batch again later that could not be looked after, and gives it up once that has lasted.
    async fn put_off(&self, batch: &Batch, refusal: &Refusal) {
        let (id, error, age_ms) = (&batch.id, &refusal.message, self.age_ms(batch));
        // What is in the way here is no fault of the batch's.
        let is_ours = refusal.status == StatusCode::SERVICE_UNAVAILABLE;
        if age_ms >= GIVEN_UP_MS && !is_ours {
            tracing::error!(batch = %id, %error, "the results of a batch cannot be read; it is given up");
            let message = format!("the results could not be read: {error}");
            let failed = self.failed(batch, ("results_unreadable", &message));
            if self.close(batch, failed).await.is_ok() {
                return;
            }
        }
        tracing::warn!(batch = %id, %error, "a batch could not be looked after; trying again");
        let due_in_ms = (age_ms / AGE_PART).clamp(FAILED_AGAIN_MS, MAX_POLL_MS);
        // Whoever was quicker has entered when it is due.
        let _ = self.gateway.batches.books.update(batch, due_in_ms).await;
    }

    async fn tend(&self, batch: &Batch) -> Result<(), Refusal> {
        let age_ms = self.age_ms(batch);
        if batch.provider_id.is_none() {
            return self.untaken(batch, age_ms).await;
        }
        let seen = ask_about(&self.gateway, batch).await?;
        if seen.is_ended {
            let files = fold(&self.gateway, batch, &seen).await?;
            return self.close(batch, told(seen, &files)).await;
        }
        let looked = Batch {
            object: Value::Object(seen.object).to_string(),
            ..batch.clone()
        };
        let poll_ms = self.gateway.config.batches.poll_ms;
        let due_in_ms = (age_ms / AGE_PART).clamp(poll_ms, MAX_POLL_MS.max(poll_ms));
        self.gateway
            .batches
            .books
            .update(&looked, due_in_ms)
            .await?;
        Ok(())
    }

    /// Its provider was asked, and what it did is not known.
    async fn untaken(&self, batch: &Batch, age_ms: u64) -> Result<(), Refusal> {
        if age_ms < UNTAKEN_MS {
            // Not entered anew: whoever makes it is about to. The lease ends by itself.
            return Ok(());
        }
        let message = "the provider did not say whether it took the batch";
        let failed = self.failed(batch, ("unknown_outcome", message));
        self.close(batch, failed).await
    }

    /// As it is shown from now on.
    fn failed(&self, batch: &Batch, (code, message): (&str, &str)) -> Map<String, Value> {
        let mut object = object_of(batch);
        object.insert("status".to_owned(), json!("failed"));
        object.insert(
            "errors".to_owned(),
            json!({"object": "list", "data": [{"code": code, "message": message,
                "line": null, "param": null}]}),
        );
        let now_s = self.gateway.clock.now_ms() / 1_000;
        object.insert("failed_at".to_owned(), json!(now_s));
        object
    }

    /// All is recorded: it is never looked at again. What others entered meanwhile is older than this.
    async fn close(&self, batch: &Batch, object: Map<String, Value>) -> Result<(), Refusal> {
        let books = &self.gateway.batches.books;
        let mut closed = Batch {
            object: Value::Object(object).to_string(),
            is_open: false,
            ..batch.clone()
        };
        for _ in 0..ENTER_TIMES {
            if books.update(&closed, 0).await? {
                return Ok(());
            }
            let of = (&batch.tenant, batch.id.as_str());
            let Some(newer) = books.batch(of).await?.filter(|newer| newer.is_open) else {
                return Ok(());
            };
            closed.version = newer.version;
        }
        let message = "others kept entering it";
        Err(Refusal::unavailable("batch_busy", message, 1))
    }
}

/// What is shown of a batch from now on.
fn told(seen: Seen, files: &[(Part, String)]) -> Map<String, Value> {
    let mut object = seen.object;
    for (field, part) in FIELDS {
        let file = files.iter().find(|(of, _)| *of == part);
        object.insert(field.to_owned(), json!(file.map(|(_, id)| id)));
    }
    if let Some(messages) = seen.messages {
        messages.tell(&mut object, true);
    }
    object
}
