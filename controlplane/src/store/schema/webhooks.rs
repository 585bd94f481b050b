//! The step that lets webhooks be told what happened.

/// What is to be told, and what came of it. `state` is as `store::webhooks` has it; a row that is to be sent is there
/// before anybody is told that what it tells of happened.
pub(super) const WEBHOOKS: &[&str] = &[
    "CREATE TABLE webhook_deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, webhook TEXT NOT NULL,
        delivery TEXT NOT NULL UNIQUE, event TEXT NOT NULL, body TEXT NOT NULL, state INTEGER NOT NULL,
        attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER,
        last_status INTEGER, last_error TEXT
    ) STRICT",
    "CREATE INDEX webhook_deliveries_of ON webhook_deliveries (tenant, webhook, id)",
    "CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (tenant, webhook) WHERE state = 0",
    "CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (tenant, webhook, id) WHERE state = 2",
    "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_ms) WHERE state = 0",
    "CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_ms) WHERE ended_ms IS NOT NULL",
];
