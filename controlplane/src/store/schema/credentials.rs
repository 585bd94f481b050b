//! The step that keeps providers' credentials.

/// Sealed, with what may be told of them; `tenant` is empty where they are everybody's.
pub(super) const CREDENTIALS: &[&str] = &["CREATE TABLE credentials (
        tenant TEXT NOT NULL, provider TEXT NOT NULL, revision INTEGER NOT NULL, sealed BLOB NOT NULL,
        told TEXT NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, PRIMARY KEY (tenant, provider)
    ) WITHOUT ROWID, STRICT"];
