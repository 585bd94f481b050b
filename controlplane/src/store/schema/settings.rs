//! The step that lets tenants change their own settings.

/// Documents by kind, what is asked of a key besides being known, what was changed by whom, and answers that are
/// given again to who asks twice.
pub(super) const SETTINGS: &[&str] = &[
    "CREATE TABLE settings (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL, PRIMARY KEY (tenant, kind, id)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX settings_kind ON settings (kind)",
    "ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE api_keys ADD COLUMN hint TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE api_keys ADD COLUMN project TEXT",
    "ALTER TABLE api_keys ADD COLUMN environment TEXT",
    "ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER",
    "ALTER TABLE api_keys ADD COLUMN rule TEXT",
    "CREATE TABLE audit (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,
        action TEXT NOT NULL, resource TEXT NOT NULL, before_sha256 TEXT, after_sha256 TEXT, request_id TEXT NOT NULL
    ) STRICT",
    "CREATE INDEX audit_tenant ON audit (tenant, seq)",
    "CREATE TABLE answers (
        tenant TEXT NOT NULL, question TEXT NOT NULL, body_sha256 BLOB NOT NULL, status INTEGER NOT NULL,
        answer TEXT NOT NULL, answered_ms INTEGER NOT NULL, PRIMARY KEY (tenant, question)
    ) WITHOUT ROWID, STRICT",
    "CREATE INDEX answers_age ON answers (answered_ms)",
];
