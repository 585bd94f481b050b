//! `/v1/firewall`: what is done about calls that look like attacks, and how many did.

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::{
    domain::firewall::{Firewall, Kept, Role, Sent, output::Leak, thousandths},
    process::config,
};
use serde_json::{Value, json};

use super::{
    Api,
    body::{self, JsonObject},
    cache::month,
    error::ApiError,
    reading,
    settings::Editing,
};
use crate::{
    settings as written,
    store::{
        settings::{self, Kind},
        usage::{Column, Counts},
    },
};

/// The id of the document that says what is set.
const SETTINGS: &str = "settings";

/// What is set, and what this month's calls came to.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let firewall = written::tenant(&mut conn, &id).await?.firewall;
    let month = month(&mut conn, &id, api.clock.now_ms()).await?;
    Ok(Json(describe(&firewall, month)))
}

/// Sets it as a whole; what is missing is as where nobody sets anything.
pub(super) async fn put(
    State(api): State<Api>,
    headers: HeaderMap,
    JsonObject(fields): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let set: config::Firewall = body::read(Value::Object(fields), "")?;
    let mut editing = Editing::begin(&api, &headers).await?;
    let tenant = editing.tenant();
    let before = settings::get(&mut editing.tx, (&tenant, Kind::Firewall), SETTINGS).await?;
    let body = json!(set);
    editing
        .replace(Kind::Firewall, (SETTINGS, before.as_ref()), &body)
        .await?;
    let now_ms = editing.now_ms;
    let month = month(&mut editing.tx, &tenant, now_ms).await?;
    let changed = editing.commit().await?;
    Ok(Json(describe(&changed.firewall, month)))
}

fn describe(firewall: &Firewall, month: Counts) -> Value {
    let roles = firewall.roles().iter().map(|role: &Role| role.as_str());
    let kinds = firewall
        .output
        .kinds()
        .iter()
        .map(|leak: &Leak| leak.as_str());
    json!({
        "object": "firewall",
        "mode": firewall.mode.as_str(),
        "threshold": firewall.threshold.map(thousandths),
        "on_failure": firewall.on_failure.as_str(),
        "roles": roles.collect::<Vec<_>>(),
        "allow_list": &*firewall.allow,
        "scrub": match firewall.kept {
            Kept::Scrubbed => "on",
            Kept::Whole => "off",
        },
        "output": {
            "mode": firewall.output.mode.as_str(),
            "kinds": kinds.collect::<Vec<_>>(),
        },
        "redact": match firewall.sent {
            Sent::Whole => "off",
            Sent::Redacted => "on",
        },
        "month": {
            "scanned": month.of(Column::FirewallScanned),
            "flagged": month.of(Column::FirewallFlagged),
            "blocked": month.of(Column::FirewallBlocked),
            "skipped": month.of(Column::FirewallSkipped),
            "output_scanned": month.of(Column::FirewallOutputScanned),
            "output_flagged": month.of(Column::FirewallOutputFlagged),
            "output_blocked": month.of(Column::FirewallOutputBlocked),
            "redacted": month.of(Column::FirewallRedacted),
        },
    })
}
