//! The books of files and batches, which the control plane keeps for all proxies.

use std::time::Duration;

use bytes::Bytes;
use floopy_proto::v1::{self, batches_client::BatchesClient};
use floopy_shared::{
    domain::{
        batch::{Batch, BatchFile},
        ids::TenantId,
    },
    process::rpc::PlaneToken,
    wire::InvalidWire,
};
use tokio::time::timeout;
use tonic::{Code, Response, Status, service::interceptor::InterceptedService, transport::Channel};

/// Bytes of a piece of a file: far below what a message may have.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Largest answer: a page of batches.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why the books do not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("the control plane, which keeps the books of files and batches, cannot be reached")]
    Away,
    #[error("{0}")]
    Full(String),
    #[error("the control plane refused: {0}")]
    Refused(String),
}

impl From<Status> for Unanswered {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::ResourceExhausted => Self::Full(status.message().to_owned()),
            Code::InvalidArgument | Code::AlreadyExists | Code::NotFound => {
                Self::Refused(status.message().to_owned())
            }
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::Unauthenticated => Self::Away,
        }
    }
}

impl From<InvalidWire> for Unanswered {
    fn from(invalid: InvalidWire) -> Self {
        Self::Refused(invalid.to_string())
    }
}

/// What is asked for when files are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Empty: any.
    pub purpose: String,
    /// Empty: from the beginning.
    pub after: String,
    pub limit: u32,
    pub oldest_first: bool,
}

/// Some rows, and whether there are more.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub rows: Vec<T>,
    pub has_more: bool,
}

type Client = BatchesClient<InterceptedService<Channel, PlaneToken>>;

/// Asks the control plane.
#[derive(Clone)]
pub(crate) struct Books {
    client: Client,
    deadline: Duration,
}

fn name((tenant, id): (&TenantId, &str)) -> v1::BatchName {
    v1::BatchName {
        tenant: tenant.to_string(),
        id: id.to_owned(),
    }
}

fn read_all<W, T: TryFrom<W, Error = InvalidWire>>(rows: Vec<W>) -> Result<Vec<T>, Unanswered> {
    let rows: Result<Vec<T>, InvalidWire> = rows.into_iter().map(T::try_from).collect();
    Ok(rows?)
}

impl Books {
    pub(crate) fn new(channel: Channel, token: PlaneToken, deadline: Duration) -> Self {
        let client = BatchesClient::with_interceptor(channel, token)
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        Self { client, deadline }
    }

    fn client(&self) -> Client {
        self.client.clone()
    }

    async fn within<T>(
        &self,
        asking: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Unanswered> {
        let answer = timeout(self.deadline, asking).await;
        let answer = answer.map_err(|_| Unanswered::Away)?;
        Ok(answer?.into_inner())
    }

    /// Enters a file, or replaces what is said of it. One that is not complete is seen by nobody.
    pub(crate) async fn put_file(
        &self,
        file: &BatchFile,
        is_complete: bool,
    ) -> Result<(), Unanswered> {
        let asked = v1::PutFileRequest {
            file: Some(file.into()),
            is_complete,
            asked_since_ms: u64::MAX,
        };
        self.within(self.client().put_file(asked)).await?;
        Ok(())
    }

    /// Enters a file that is complete; instead of it the one that the same question made since then, if there is one.
    pub(crate) async fn enter_file(
        &self,
        file: &BatchFile,
        asked_since_ms: u64,
    ) -> Result<Option<BatchFile>, Unanswered> {
        let asked = v1::PutFileRequest {
            file: Some(file.into()),
            is_complete: true,
            asked_since_ms,
        };
        let done = self.within(self.client().put_file(asked)).await?;
        Ok(done.known.map(TryInto::try_into).transpose()?)
    }

    pub(crate) async fn file(
        &self,
        of: (&TenantId, &str),
    ) -> Result<Option<BatchFile>, Unanswered> {
        let found = self.within(self.client().get_file(name(of))).await?;
        Ok(found.file.map(TryInto::try_into).transpose()?)
    }

    /// `None`: the tenant has no file of the id to begin after.
    pub(crate) async fn files(
        &self,
        tenant: &TenantId,
        listing: &Listing,
    ) -> Result<Option<Page<BatchFile>>, Unanswered> {
        let asked = v1::ListFilesRequest {
            tenant: tenant.to_string(),
            purpose: listing.purpose.clone(),
            after: listing.after.clone(),
            limit: listing.limit,
            oldest_first: listing.oldest_first,
        };
        let found = self.within(self.client().list_files(asked)).await?;
        if found.unknown_after {
            return Ok(None);
        }
        let (rows, has_more) = (read_all(found.files)?, found.has_more);
        Ok(Some(Page { rows, has_more }))
    }

    pub(crate) async fn delete_file(&self, of: (&TenantId, &str)) -> Result<bool, Unanswered> {
        let done = self.within(self.client().delete_file(name(of))).await?;
        Ok(done.deleted)
    }

    /// Keeps a piece of a file that is not complete.
    pub(crate) async fn keep(
        &self,
        of: (&TenantId, &str),
        (number, content): (u32, Bytes),
    ) -> Result<(), Unanswered> {
        let asked = v1::KeepPieceRequest {
            file: Some(name(of)),
            number,
            content,
        };
        self.within(self.client().keep_piece(asked)).await?;
        Ok(())
    }

    /// `None`: the file ended before.
    pub(crate) async fn piece(
        &self,
        of: (&TenantId, &str),
        number: u32,
    ) -> Result<Option<Bytes>, Unanswered> {
        let asked = v1::ReadPieceRequest {
            file: Some(name(of)),
            number,
        };
        let found = self.within(self.client().read_piece(asked)).await?;
        Ok(found.content)
    }

    /// Enters a batch, or gives the one that the same question made since then; whether it is new.
    pub(crate) async fn add_batch(
        &self,
        batch: &Batch,
        asked_since_ms: u64,
    ) -> Result<(Batch, bool), Unanswered> {
        let asked = v1::AddBatchRequest {
            batch: Some(batch.into()),
            asked_since_ms,
        };
        let done = self.within(self.client().add_batch(asked)).await?;
        let nothing = || Unanswered::Refused("it gave no batch back".to_owned());
        let batch = done.batch.ok_or_else(nothing)?;
        Ok((batch.try_into()?, done.is_new))
    }

    /// Replaces what is said of a batch; `false`: somebody did since it was read.
    pub(crate) async fn update(&self, batch: &Batch, due_in_ms: u64) -> Result<bool, Unanswered> {
        let asked = v1::UpdateBatchRequest {
            batch: Some(batch.into()),
            due_in_ms,
            forget: false,
        };
        let done = self.within(self.client().update_batch(asked)).await?;
        Ok(done.updated)
    }

    /// Takes a batch out again that its provider did not take.
    pub(crate) async fn forget(&self, batch: &Batch) -> Result<(), Unanswered> {
        let asked = v1::UpdateBatchRequest {
            batch: Some(batch.into()),
            due_in_ms: 0,
            forget: true,
        };
        self.within(self.client().update_batch(asked)).await?;
        Ok(())
    }

    pub(crate) async fn batch(&self, of: (&TenantId, &str)) -> Result<Option<Batch>, Unanswered> {
        let found = self.within(self.client().get_batch(name(of))).await?;
        Ok(found.batch.map(TryInto::try_into).transpose()?)
    }

    /// `None`: the tenant has no batch of the id to begin after.
    pub(crate) async fn batches(
        &self,
        tenant: &TenantId,
        (after, limit): (&str, u32),
    ) -> Result<Option<Page<Batch>>, Unanswered> {
        let asked = v1::ListBatchesRequest {
            tenant: tenant.to_string(),
            after: after.to_owned(),
            limit,
        };
        let found = self.within(self.client().list_batches(asked)).await?;
        if found.unknown_after {
            return Ok(None);
        }
        let (rows, has_more) = (read_all(found.batches)?, found.has_more);
        Ok(Some(Page { rows, has_more }))
    }

    /// Open batches that are due; nobody else gets them until the lease ends.
    pub(crate) async fn lease(
        &self,
        (node, instance, resumes): (&str, &str, bool),
        (limit, lease): (u32, Duration),
    ) -> Result<Vec<Batch>, Unanswered> {
        let asked = v1::LeaseBatchesRequest {
            limit,
            lease_ms: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
            node: node.to_owned(),
            instance: instance.to_owned(),
            resumes,
        };
        let found = self.within(self.client().lease_batches(asked)).await?;
        read_all(found.batches)
    }
}
