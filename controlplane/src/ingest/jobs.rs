//! What of one batch is content: what was said in sessions, and scoring jobs: told apart from known ones at its start, queued together at its end.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    event::{Content, ScoringJob},
    ids::{RequestId, TenantId},
};

use super::Verdict;
use crate::{
    queue::Queue,
    store::{
        StoreError, Tx,
        contents::{
            self, Turn,
            deleted::{Asked, Deleted},
        },
        queue::{self, QueuedJob},
        tenants,
    },
};

/// Bytes of prompt and reply that are kept, for scoring and for sessions.
const MAX_JOB_BYTES: usize = 1024 * 1024;

/// What is known of the batch's jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    /// Replies that are queued or scored, or were taken just now.
    known: BTreeSet<RequestId>,
    new: Vec<QueuedJob>,
    /// Whether a tenant keeps no content.
    zero_retention: BTreeMap<TenantId, bool>,
    /// Sessions of the batch's jobs that were deleted.
    deleted: Deleted,
}

impl Jobs {
    /// Looks the batch's jobs up.
    pub(super) async fn load(tx: &mut Tx, jobs: &[&ScoringJob]) -> Result<Self, StoreError> {
        let requests: Vec<RequestId> = jobs.iter().map(|job| job.request_id).collect();
        let sessions = jobs.iter().filter_map(|job| {
            let session = job.session_id.as_ref()?;
            Some((job.tenant.as_str(), session.as_str()))
        });
        Ok(Self {
            known: queue::known(tx, &requests).await?.into_iter().collect(),
            deleted: Deleted::of(tx, sessions).await?,
            ..Self::default()
        })
    }

    /// Takes a job unless it is known, or its session was deleted after it was asked.
    pub(super) async fn take(
        &mut self,
        tx: &mut Tx,
        job: &ScoringJob,
    ) -> Result<Verdict, StoreError> {
        let bytes = job.prompt.len() + job.reply.len();
        if bytes > MAX_JOB_BYTES {
            return Ok(Verdict::Rejected(format!(
                "{bytes} bytes to score are more than {MAX_JOB_BYTES}"
            )));
        }
        let tenant = &job.tenant;
        if self.zero_retention(tx, tenant).await? {
            return Ok(Verdict::Rejected(format!(
                "tenant {tenant} keeps no content"
            )));
        }
        let asked = job.session_id.as_ref().map(|session| Asked {
            tenant: job.tenant.as_str(),
            session: session.as_str(),
            at_ms: job.asked_at_ms,
        });
        let is_deleted = asked.is_some_and(|asked| self.deleted.covers(&asked));
        if is_deleted || !self.known.insert(job.request_id) {
            return Ok(Verdict::Known { duplicate: false });
        }
        self.new.push(QueuedJob::of(job));
        Ok(Verdict::Accepted { duplicate: false })
    }

    /// Keeps what was said in a call of a session. `said`: the same, read.
    pub(super) async fn keep(
        &mut self,
        tx: &mut Tx,
        (content, said): (&Content, Option<Result<Turn, String>>),
    ) -> Result<Verdict, StoreError> {
        let reply = content.reply.as_deref().unwrap_or_default();
        let bytes = content.messages.len() + reply.len();
        if bytes > MAX_JOB_BYTES {
            return Ok(Verdict::Rejected(format!(
                "{bytes} bytes of content are more than {MAX_JOB_BYTES}"
            )));
        }
        let tenant = &content.tenant;
        if self.zero_retention(tx, tenant).await? {
            return Ok(Verdict::Rejected(format!(
                "tenant {tenant} keeps no content"
            )));
        }
        match said {
            Some(Ok(turn)) if contents::put(tx, &turn).await? => {
                Ok(Verdict::Accepted { duplicate: false })
            }
            Some(Ok(_)) | None => Ok(Verdict::Known { duplicate: false }),
            Some(Err(reason)) => Ok(Verdict::Rejected(reason)),
        }
    }

    async fn zero_retention(&mut self, tx: &mut Tx, tenant: &TenantId) -> Result<bool, StoreError> {
        if let Some(known) = self.zero_retention.get(tenant) {
            return Ok(*known);
        }
        let zero_retention = tenants::zero_retention(tx, tenant).await?;
        self.zero_retention.insert(tenant.clone(), zero_retention);
        Ok(zero_retention)
    }

    /// Queues what was taken. `None` if nothing was taken, else how many jobs were dropped for it.
    pub(super) async fn put(
        self,
        tx: &mut Tx,
        queue: &Queue,
        now_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        if self.new.is_empty() {
            return Ok(None);
        }
        queue.put(tx, &self.new, now_ms).await.map(Some)
    }
}
