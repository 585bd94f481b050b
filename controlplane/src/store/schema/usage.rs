//! The step that adds up what calls used.

/// Sums by day and by month, and the plan that says how much a month may have.
pub(super) const USAGE: &[&str] = &[
    "CREATE TABLE usage (
        tenant TEXT NOT NULL, day INTEGER NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL,
        model TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
        unpriced_requests INTEGER NOT NULL, shadow_requests INTEGER NOT NULL, shadow_cost_micro_usd INTEGER NOT NULL,
        ratings INTEGER NOT NULL, PRIMARY KEY (tenant, day, project, environment, model)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX usage_age ON usage (day)",
    "CREATE TABLE usage_months (
        month INTEGER NOT NULL, tenant TEXT NOT NULL, requests INTEGER NOT NULL, cost_micro_usd INTEGER NOT NULL,
        ratings INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (month, tenant)
    ) WITHOUT ROWID, STRICT",
    "ALTER TABLE tenants ADD COLUMN plan TEXT",
];
