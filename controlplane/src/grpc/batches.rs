//! Keeps the books of files and batches for proxies.

use floopy_proto::v1::{
    AddBatchRequest, AddBatchResponse, BatchName, DeleteFileResponse, GetBatchResponse,
    GetFileResponse, KeepPieceRequest, KeepPieceResponse, LeaseBatchesRequest,
    LeaseBatchesResponse, ListBatchesRequest, ListBatchesResponse, ListFilesRequest,
    ListFilesResponse, PutFileRequest, PutFileResponse, ReadPieceRequest, ReadPieceResponse,
    UpdateBatchRequest, UpdateBatchResponse, batches_server::Batches,
};
use floopy_shared::{
    domain::{
        batch::{Batch, BatchFile, MAX_PAGE},
        ids::TenantId,
    },
    process::clock::Clock,
    wire::InvalidWire,
};
use tonic::{Request, Response, Status};

use super::Services;
use crate::store::{
    Store, StoreError,
    batches::{
        self, Lessee,
        files::{self, Listing, NotKept},
    },
};

/// Shortest and longest lease.
const LEASE_MS: (u64, u64) = (1_000, 3_600_000);
/// Most batches of one lease.
const MAX_LEASED: u32 = 64;

/// Serves `Batches`.
pub(super) struct BatchesService {
    store: Store,
    clock: Clock,
    tenant_bytes: u64,
}

impl BatchesService {
    pub(super) fn new(services: &Services) -> Self {
        Self {
            store: services.intake.store.clone(),
            clock: services.intake.clock.clone(),
            tenant_bytes: services.tenant_batch_bytes,
        }
    }
}

fn failed(error: impl Into<StoreError>) -> Status {
    let error = error.into();
    tracing::error!(%error, "the store failed");
    Status::unavailable("the store failed; try again")
}

fn invalid(error: InvalidWire) -> Status {
    Status::invalid_argument(error.to_string())
}

fn tenant(text: &str) -> Result<TenantId, Status> {
    TenantId::new(text).map_err(|e| Status::invalid_argument(e.to_string()))
}

fn named(name: Option<BatchName>) -> Result<(TenantId, String), Status> {
    let name = name.ok_or_else(|| Status::invalid_argument("the file is not named"))?;
    Ok((tenant(&name.tenant)?, name.id))
}

fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn page_limit(asked: u32) -> u32 {
    asked.clamp(1, MAX_PAGE)
}

#[tonic::async_trait]
impl Batches for BatchesService {
    async fn put_file(
        &self,
        request: Request<PutFileRequest>,
    ) -> Result<Response<PutFileResponse>, Status> {
        let asked = request.into_inner();
        let file = asked
            .file
            .ok_or_else(|| Status::invalid_argument("file is missing"))?;
        let file: BatchFile = file.try_into().map_err(invalid)?;
        let mut tx = self.store.write().await.map_err(failed)?;
        let now_ms = self.clock.now_ms();
        let known = match asked.is_complete {
            true => files::known(&mut tx, &file, asked.asked_since_ms).await,
            false => Ok(None),
        };
        if let Some(known) = known.map_err(failed)? {
            // What was kept of this one is not wanted any more.
            let of = (&file.tenant, file.id.as_str());
            files::delete(&mut tx, of).await.map_err(failed)?;
            tx.commit().await.map_err(failed)?;
            let known = Some((&known).into());
            return Ok(Response::new(PutFileResponse { known }));
        }
        let is_own = files::put(&mut tx, &file, asked.is_complete, now_ms)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        if is_own {
            return Ok(Response::new(PutFileResponse { known: None }));
        }
        Err(Status::already_exists("the id is in use"))
    }

    async fn get_file(
        &self,
        request: Request<BatchName>,
    ) -> Result<Response<GetFileResponse>, Status> {
        let (tenant, id) = named(Some(request.into_inner()))?;
        let mut conn = self.store.read().acquire().await.map_err(failed)?;
        let file = files::get(&mut conn, (&tenant, &id)).await;
        let file = file.map_err(failed)?.as_ref().map(Into::into);
        Ok(Response::new(GetFileResponse { file }))
    }

    async fn list_files(
        &self,
        request: Request<ListFilesRequest>,
    ) -> Result<Response<ListFilesResponse>, Status> {
        let asked = request.into_inner();
        let listing = Listing {
            purpose: non_empty(&asked.purpose),
            after: non_empty(&asked.after),
            limit: page_limit(asked.limit),
            oldest_first: asked.oldest_first,
        };
        let mut conn = self.store.read().acquire().await.map_err(failed)?;
        let page = files::list(&mut conn, &tenant(&asked.tenant)?, &listing)
            .await
            .map_err(failed)?;
        let unknown_after = page.is_none();
        let (files, has_more) = page.map(|p| (p.rows, p.has_more)).unwrap_or_default();
        Ok(Response::new(ListFilesResponse {
            files: files.iter().map(Into::into).collect(),
            has_more,
            unknown_after,
        }))
    }

    async fn delete_file(
        &self,
        request: Request<BatchName>,
    ) -> Result<Response<DeleteFileResponse>, Status> {
        let (tenant, id) = named(Some(request.into_inner()))?;
        let mut tx = self.store.write().await.map_err(failed)?;
        let deleted = files::delete(&mut tx, (&tenant, &id)).await;
        let deleted = deleted.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Response::new(DeleteFileResponse { deleted }))
    }

    async fn keep_piece(
        &self,
        request: Request<KeepPieceRequest>,
    ) -> Result<Response<KeepPieceResponse>, Status> {
        let asked = request.into_inner();
        let (tenant, id) = named(asked.file)?;
        let piece = (asked.number, &*asked.content);
        let mut tx = self.store.write().await.map_err(failed)?;
        let kept = files::keep(&mut tx, (&tenant, &id), piece, self.tenant_bytes)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        match kept {
            Ok(()) => Ok(Response::new(KeepPieceResponse {})),
            Err(NotKept::Unknown) => Err(Status::not_found("no such file is under way")),
            Err(NotKept::Full(bytes)) => Err(Status::resource_exhausted(format!(
                "files of {bytes} bytes are kept for this organisation, and at most {} are: delete some first",
                self.tenant_bytes
            ))),
        }
    }

    async fn read_piece(
        &self,
        request: Request<ReadPieceRequest>,
    ) -> Result<Response<ReadPieceResponse>, Status> {
        let asked = request.into_inner();
        let (tenant, id) = named(asked.file)?;
        let mut conn = self.store.read().acquire().await.map_err(failed)?;
        let content = files::piece(&mut conn, (&tenant, &id), asked.number).await;
        let content = content.map_err(failed)?.map(Into::into);
        Ok(Response::new(ReadPieceResponse { content }))
    }

    async fn add_batch(
        &self,
        request: Request<AddBatchRequest>,
    ) -> Result<Response<AddBatchResponse>, Status> {
        let asked = request.into_inner();
        let batch = read(asked.batch)?;
        let mut tx = self.store.write().await.map_err(failed)?;
        let (batch, is_new) = batches::add(&mut tx, &batch, asked.asked_since_ms)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Response::new(AddBatchResponse {
            batch: Some((&batch).into()),
            is_new,
        }))
    }

    async fn update_batch(
        &self,
        request: Request<UpdateBatchRequest>,
    ) -> Result<Response<UpdateBatchResponse>, Status> {
        let asked = request.into_inner();
        let batch = read(asked.batch)?;
        let due_ms = self.clock.now_ms().saturating_add(asked.due_in_ms);
        let mut tx = self.store.write().await.map_err(failed)?;
        let updated = if asked.forget {
            batches::forget(&mut tx, &batch).await
        } else {
            batches::update(&mut tx, &batch, due_ms).await
        };
        let updated = updated.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Response::new(UpdateBatchResponse { updated }))
    }

    async fn get_batch(
        &self,
        request: Request<BatchName>,
    ) -> Result<Response<GetBatchResponse>, Status> {
        let (tenant, id) = named(Some(request.into_inner()))?;
        let mut conn = self.store.read().acquire().await.map_err(failed)?;
        let batch = batches::get(&mut conn, (&tenant, &id)).await;
        let batch = batch.map_err(failed)?.as_ref().map(Into::into);
        Ok(Response::new(GetBatchResponse { batch }))
    }

    async fn list_batches(
        &self,
        request: Request<ListBatchesRequest>,
    ) -> Result<Response<ListBatchesResponse>, Status> {
        let asked = request.into_inner();
        let mut conn = self.store.read().acquire().await.map_err(failed)?;
        let slice = (non_empty(&asked.after), page_limit(asked.limit));
        let page = batches::list(&mut conn, &tenant(&asked.tenant)?, slice)
            .await
            .map_err(failed)?;
        let unknown_after = page.is_none();
        let (batches, has_more) = page.map(|p| (p.rows, p.has_more)).unwrap_or_default();
        Ok(Response::new(ListBatchesResponse {
            batches: batches.iter().map(Into::into).collect(),
            has_more,
            unknown_after,
        }))
    }

    async fn lease_batches(
        &self,
        request: Request<LeaseBatchesRequest>,
    ) -> Result<Response<LeaseBatchesResponse>, Status> {
        let asked = request.into_inner();
        let lease_ms = asked.lease_ms.clamp(LEASE_MS.0, LEASE_MS.1);
        let limit = asked.limit.clamp(1, MAX_LEASED);
        let mut tx = self.store.write().await.map_err(failed)?;
        let lessee = Lessee {
            node: &asked.node,
            instance: &asked.instance,
            resumes: asked.resumes,
            lease_ms,
        };
        let leased = batches::lease(&mut tx, limit, (lessee, self.clock.now_ms()))
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Response::new(LeaseBatchesResponse {
            batches: leased.iter().map(Into::into).collect(),
        }))
    }
}

fn read(batch: Option<floopy_proto::v1::Batch>) -> Result<Batch, Status> {
    let batch = batch.ok_or_else(|| Status::invalid_argument("batch is missing"))?;
    batch.try_into().map_err(invalid)
}
