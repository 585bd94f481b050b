//! Webhooks: what happened is told to the addresses that a tenant named, at least once, signed, and never to where only
//! an operator may lead.
//!
//! An event is put into the store in the transaction that it belongs to ([`emit`]) and sent from there
//! (`jobs::webhooks`), so neither a crash nor a receiver that is away loses it.

mod sign;
mod target;

use std::fmt;

use floopy_shared::{domain::ids::TenantId, network::Network};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

pub(crate) use self::{
    sign::{PREVIOUS_SECRET_MS, Signing, new_salt},
    target::{Sender, check_url},
};
use crate::store::sql::Conn;
use crate::{
    settings::webhooks::WrittenWebhook,
    store::{
        StoreError, Tx,
        settings::{self, Document, Kind},
        webhooks::{self, New},
    },
};

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    SecurityAlert,
    AlertTriggered,
    BudgetExceeded,
    BudgetWarning,
    ModelPromoted,
    ModelRolledBack,
    JudgeDisagrees,
}

impl Event {
    pub(crate) const ALL: [Self; 7] = [
        Self::SecurityAlert,
        Self::AlertTriggered,
        Self::BudgetExceeded,
        Self::BudgetWarning,
        Self::ModelPromoted,
        Self::ModelRolledBack,
        Self::JudgeDisagrees,
    ];

    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SecurityAlert => "security_alert",
            Self::AlertTriggered => "alert_triggered",
            Self::BudgetExceeded => "budget_exceeded",
            Self::BudgetWarning => "budget_warning",
            Self::ModelPromoted => "model_promoted",
            Self::ModelRolledBack => "model_rolled_back",
            Self::JudgeDisagrees => "judge_disagrees",
        }
    }

    /// Reads the wire name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// What a test of a webhook is called; nobody subscribes to it.
pub(crate) const TEST: &str = "test";

/// What signs, and where may be sent.
pub(crate) struct Webhooks {
    pub(crate) signing: Signing,
    pub(crate) networks: Vec<Network>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks")
            .field("networks", &self.networks)
            .finish_non_exhaustive()
    }
}

/// Tells all of a tenant's webhooks that subscribe to the event, within the transaction that it happens in; how many
/// there are.
pub(crate) async fn emit(
    tx: &mut Tx,
    tenant: &TenantId,
    event: Event,
    data: &Value,
    now_ms: u64,
) -> Result<usize, StoreError> {
    let mut told = 0;
    for document in settings::list(tx, tenant, Kind::Webhook).await? {
        // What happened to the tenant must not be lost for one that nobody can read any more.
        let webhook = match WrittenWebhook::read(&document) {
            Ok(webhook) => webhook,
            Err(error) => {
                tracing::error!(%error, %tenant, webhook = document.id, "a webhook cannot be read and is told nothing");
                continue;
            }
        };
        if webhook.is_active && webhook.events.contains(&event) {
            queue(tx, (tenant, &document), (event.as_str(), data), now_ms).await?;
            told += 1;
        }
    }
    Ok(told)
}

/// Puts one delivery to one webhook into the store; its id, which stays the same however often it is tried.
pub(crate) async fn queue(
    conn: &mut Conn,
    (tenant, webhook): (&TenantId, &Document),
    (event, data): (&str, &Value),
    now_ms: u64,
) -> Result<String, StoreError> {
    let delivery = Uuid::new_v4().to_string();
    let envelope = json!({
        "event": event,
        "timestamp": moment(now_ms),
        "organization_id": tenant.as_str(),
        "delivery_id": delivery,
        "data": data,
    });
    let new = New {
        tenant,
        webhook: &webhook.id,
        delivery: &delivery,
        event,
        body: &envelope.to_string(),
    };
    webhooks::add(conn, &new, now_ms).await?;
    Ok(delivery)
}

/// As it is told.
pub(crate) fn moment(ms: u64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    at.format(&Rfc3339).ok()
}
