//! `GET /v1/operator/proxies`: every proxy, and how far it is behind.

use std::sync::PoisonError;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    fleet::{Proxy, Stream},
    index::{subscription::Behind, tables::Tables},
    rest::{Api, error::ApiError, view::moment},
    store::meta,
};

/// Tables of one proxy that are named; how many there are is always told.
const MAX_NAMED: usize = 50;

/// A proxy as it is told.
#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    id: String,
    object: &'static str,
    pub(super) connected: bool,
    version: Option<String>,
    providers: Vec<String>,
    connected_since: Option<String>,
    last_seen: Option<String>,
    last_ack: Option<String>,
    snapshot_version: Option<u64>,
    newest_snapshot_version: u64,
    pub(super) tables_behind: usize,
    behind: Vec<Lacking>,
    pub(super) rejected: Vec<Rejected>,
    events_received: u64,
    last_event: Option<String>,
}

#[derive(Debug, Serialize)]
struct Lacking {
    table: String,
    version: Option<u64>,
    newest_version: u64,
}

/// A table that a proxy refused and has nothing newer of.
#[derive(Debug, Serialize)]
pub(super) struct Rejected {
    table: String,
    version: u64,
    reason: String,
    at: Option<String>,
}

/// All of them.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let items = all(&api).await?;
    Ok(Json(
        json!({"items": items, "next_cursor": null, "has_more": false}),
    ))
}

/// Those that are remembered, and those that were seen since the start.
pub(super) async fn all(api: &Api) -> Result<Vec<View>, ApiError> {
    let tables = api.index.current();
    let mut seen = api.fleet.proxies();
    let mut views = Vec::new();
    for (node, providers, seen_ms) in meta::proxies(&api.store).await? {
        let mut proxy = seen.remove(&node).unwrap_or_default();
        proxy.seen_ms = proxy.seen_ms.max(seen_ms);
        let mut view = view(node, &proxy, &tables);
        view.providers = providers;
        views.push(view);
    }
    let others = seen.into_iter();
    views.extend(others.map(|(node, proxy)| view(node, &proxy, &tables)));
    views.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(views)
}

fn view(id: String, proxy: &Proxy, tables: &Tables) -> View {
    let version = Some(proxy.version.clone()).filter(|version| !version.is_empty());
    let mut view = View {
        id,
        object: "proxy",
        version,
        last_seen: moment(proxy.seen_ms),
        last_ack: proxy.acked.and_then(|(_, at_ms)| moment(at_ms)),
        snapshot_version: proxy.acked.map(|(version, _)| version),
        newest_snapshot_version: tables.version(),
        events_received: proxy.events,
        last_event: proxy.events_ms.and_then(moment),
        ..View::default()
    };
    if let Some(stream) = &proxy.stream {
        connected(&mut view, proxy, stream, tables);
    }
    view
}

/// What only a proxy that is connected is asked.
fn connected(view: &mut View, proxy: &Proxy, stream: &Stream, tables: &Tables) {
    view.connected = true;
    view.connected_since = moment(stream.since_ms);
    let held = stream.subscription.lock();
    let held = held.unwrap_or_else(PoisonError::into_inner);
    let behind = held.behind(tables);
    view.tables_behind = behind.len();
    let lacking = |behind: Behind| Lacking {
        table: behind.table,
        version: behind.held,
        newest_version: behind.newest,
    };
    view.behind = behind.into_iter().take(MAX_NAMED).map(lacking).collect();
    let refused = proxy.refused.iter();
    let refused = refused.filter(|(table, refusal)| held.refuses(table, refusal.version));
    view.rejected = refused
        .take(MAX_NAMED)
        .map(|(table, refusal)| Rejected {
            table: table.clone(),
            version: refusal.version,
            reason: refusal.reason.clone(),
            at: moment(refusal.at_ms),
        })
        .collect();
}
