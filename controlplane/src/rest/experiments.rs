//! `/v1/experiments`: two routing rules that share the calls of the first, and which of them is better.

mod form;
mod page;
mod results;
mod users;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode},
};
use floopy_shared::domain::{
    experiment::{Arrangement, Variant},
    ids::{CandidateKey, TenantId},
};
use serde_json::{Value, json};

use self::form::Asked;
pub(super) use self::page::list;
use super::{
    Api, body::SmallObject, decisions::strict_id, error::ApiError, reading, settings::Editing,
    view::moment, writer,
};
use crate::store::sql::Conn;
use crate::{
    settings::experiments::{Status, WrittenExperiment},
    store::{
        StoreError,
        settings::{self, Document, Kind},
    },
};

/// Of a new experiment (floopy.ai/docs/api/experiments).
const MAX_BODY_BYTES: usize = 8 << 10;
/// Experiments that are kept: beyond, the oldest that ended make room.
const MAX_KEPT: usize = 1_000;
/// How long the same experiment asked for again is the same one: clients ask again where an answer was lost.
const ASKED_AGAIN_MS: u64 = 600_000;
/// What changes who serves live traffic is asked for with this header.
const CONFIRM: HeaderName = HeaderName::from_static("x-floopy-confirm");
const CONFIRMED: &str = "experiments";

/// An experiment with what it is stored as.
struct Stored {
    document: Document,
    written: WrittenExperiment,
}

impl Stored {
    fn read(document: Document) -> Result<Self, StoreError> {
        let written = WrittenExperiment::read(&document)?;
        Ok(Self { document, written })
    }

    fn rule_id(&self, tenant: &TenantId, variant: Variant) -> String {
        self.written.rule_id(tenant, &self.document.id, variant)
    }

    /// The keys of the documentation and those of the SDKs, side by side.
    fn describe(&self, tenant: &TenantId) -> Value {
        let written = &self.written;
        let ended = written.ended_ms.map(moment);
        let model = |key: &Option<String>| named(key.as_deref());
        json!({
            "id": self.document.id,
            "name": written.name,
            "description": written.description,
            "type": written.arrangement().as_str(),
            "status": written.status.as_str(),
            "variant_a_routing_rule_id": self.rule_id(tenant, Variant::A),
            "variant_b_routing_rule_id": self.rule_id(tenant, Variant::B),
            "split_percentage": written.percentage,
            "traffic_pct": written.percentage,
            "baseline": model(&written.models.0),
            "candidate": model(&written.models.1),
            "created_at": moment(self.document.created_ms),
            "started_at": moment(self.document.created_ms),
            "ended_at": ended,
            "rolled_back_at": ended.filter(|_| written.status == Status::RolledBack),
            "summary": written.summary,
        })
    }
}

/// The two parts of a model's name.
fn named(key: Option<&str>) -> Value {
    let key = key.and_then(|key| CandidateKey::parse(key).ok());
    json!(key.map(|key| json!({"provider": key.provider(), "model": key.model()})))
}

/// All experiments of a tenant, the oldest first.
async fn all(conn: &mut Conn, tenant: &TenantId) -> Result<Vec<Stored>, StoreError> {
    let documents = settings::list(conn, tenant, Kind::Experiment).await?;
    documents.into_iter().map(Stored::read).collect()
}

async fn find(conn: &mut Conn, tenant: &TenantId, id: &str) -> Result<Stored, ApiError> {
    strict_id(id).ok_or_else(|| ApiError::invalid_experiment_id(id))?;
    // Ids are told in lower case.
    let id = id.to_ascii_lowercase();
    let found = settings::get(conn, (tenant, Kind::Experiment), &id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("no such experiment"))?;
    Ok(Stored::read(found)?)
}

fn check_confirmed(headers: &HeaderMap) -> Result<(), ApiError> {
    let confirmed = headers.get(CONFIRM).is_some_and(|said| said == CONFIRMED);
    let refused = || ApiError::unconfirmed("x-floopy-confirm", CONFIRMED);
    confirmed.then_some(()).ok_or_else(refused)
}

/// One.
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let stored = find(&mut conn, &tenant, &id).await?;
    Ok(Json(stored.describe(&tenant)))
}

/// How both variants fare so far.
pub(super) async fn results(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (tenant, mut conn) = reading(&api, &headers).await?;
    let stored = find(&mut conn, &tenant, &id).await?;
    let now_ms = api.clock.now_ms();
    let found = results::compute(&mut conn, (&tenant, &stored), now_ms).await?;
    Ok(Json(found))
}

/// Begins one. It splits calls about a second later.
pub(super) async fn create(
    State(api): State<Api>,
    headers: HeaderMap,
    SmallObject(fields): SmallObject<MAX_BODY_BYTES>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    check_confirmed(&headers)?;
    let asked = Asked::read(fields)?;
    // Read before the one writer is held: others wait for it.
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = writer(&mut conn, &headers).await?;
    let earlier = users::earlier(&mut conn, &holder.tenant, api.clock.now_ms()).await?;
    drop(conn);
    let mut editing = Editing::begin(&api, &headers).await?;
    let written = asked.resolve(&mut editing).await?;
    let tenant = editing.tenant();
    let known = all(&mut editing.tx, &tenant).await?;
    let active = || known.iter().filter(|stored| stored.written.is_active());
    let since = editing.now_ms.saturating_sub(ASKED_AGAIN_MS);
    if let Some(same) =
        active().find(|stored| stored.written == written && stored.document.created_ms >= since)
    {
        return Ok((StatusCode::OK, Json(same.describe(&tenant))));
    }
    form::check_free(&mut editing, active(), &written).await?;
    make_room(&mut editing, &known).await?;
    let document = editing.create(Kind::Experiment, &json!(written)).await?;
    if let Some(earlier) = earlier.filter(|_| written.arrangement() == Arrangement::Canary) {
        users::keep(&mut editing.tx, (&tenant, &document), &earlier).await?;
    }
    editing.commit().await?;
    let made = Stored { document, written };
    Ok((StatusCode::CREATED, Json(made.describe(&tenant))))
}

/// The oldest that ended goes where there are as many as are kept.
async fn make_room(editing: &mut Editing<'_>, known: &[Stored]) -> Result<(), ApiError> {
    let ended = known.iter().find(|stored| !stored.written.is_active());
    if let Some(ended) = ended.filter(|_| known.len() >= MAX_KEPT) {
        editing.delete(Kind::Experiment, &ended.document).await?;
        let users = (&editing.tenant(), Kind::ExperimentUsers);
        settings::delete(&mut editing.tx, users, &ended.document.id).await?;
    }
    Ok(())
}

/// Ends one because all calls should follow A again.
pub(super) async fn roll_back(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    end(&api, (&id, &headers), Status::RolledBack).await
}

/// Ends one because it has said what it could. What becomes of the better rule is said by the rules.
pub(super) async fn complete(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    end(&api, (&id, &headers), Status::Completed).await
}

/// Ends one; one that ended before stays as it is, so that asking twice is asking once.
async fn end(
    api: &Api,
    (id, headers): (&str, &HeaderMap),
    status: Status,
) -> Result<Json<Value>, ApiError> {
    check_confirmed(headers)?;
    let now_ms = api.clock.now_ms();
    // Computed before the one writer is held: others wait for it.
    let mut conn = api.store.read().acquire().await.map_err(StoreError::from)?;
    let holder = writer(&mut conn, headers).await?;
    let mut stored = find(&mut conn, &holder.tenant, id).await?;
    // As it will be told from now on.
    stored.written.status = status;
    stored.written.ended_ms = Some(now_ms);
    let summary = results::compute(&mut conn, (&holder.tenant, &stored), now_ms).await?;
    drop(conn);
    let mut editing = Editing::begin(api, headers).await?;
    let tenant = editing.tenant();
    let Stored {
        document: before,
        mut written,
    } = find(&mut editing.tx, &tenant, id).await?;
    if !written.is_active() {
        let document = before;
        return Ok(Json(Stored { document, written }.describe(&tenant)));
    }
    written.status = status;
    written.ended_ms = Some(now_ms);
    written.summary = Some(summary);
    let place = (before.id.as_str(), Some(&before));
    let document = editing
        .replace(Kind::Experiment, place, &json!(written))
        .await?;
    editing.commit().await?;
    Ok(Json(Stored { document, written }.describe(&tenant)))
}
