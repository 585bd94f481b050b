//! The step that adds up what calls spent of budgets.

/// What each proxy's calls spent of each account in each span, and what tenants were told of it.
pub(super) const SPEND: &[&str] = &[
    "CREATE TABLE spend (
        tenant TEXT NOT NULL, scope TEXT NOT NULL, subject TEXT NOT NULL, bucket INTEGER NOT NULL,
        proxy BLOB NOT NULL, micro_usd INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL,
        began_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
        PRIMARY KEY (tenant, scope, subject, bucket, proxy)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX spend_changed ON spend (changed_ms)",
    "CREATE INDEX spend_age ON spend (expires_ms)",
    "CREATE TABLE spend_told (
        tenant TEXT NOT NULL, budget TEXT NOT NULL, subject TEXT NOT NULL, span INTEGER NOT NULL,
        percent INTEGER NOT NULL, told_ms INTEGER NOT NULL,
        PRIMARY KEY (tenant, budget, subject, span, percent)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX spend_told_age ON spend_told (told_ms)",
];
