//! The step that keeps the books of files and batches.

/// Files, what is kept of them in pieces, and batches. `record` is the whole as `store::record` writes it; the columns
/// beside it are what is looked up.
pub(super) const BATCHES: &[&str] = &[
    "CREATE TABLE batch_files (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, purpose TEXT NOT NULL,
        created_ms INTEGER NOT NULL, is_complete INTEGER NOT NULL, kept_bytes INTEGER NOT NULL, record BLOB NOT NULL
    ) STRICT",
    "CREATE INDEX batch_files_of ON batch_files (tenant, seq)",
    "CREATE INDEX batch_files_kept ON batch_files (tenant, kept_bytes) WHERE kept_bytes > 0",
    "CREATE INDEX batch_files_unfinished ON batch_files (created_ms) WHERE is_complete = 0",
    "CREATE TABLE batch_pieces (
        file INTEGER NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (file, number)
    ) STRICT",
    "CREATE TABLE batches (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, question TEXT NOT NULL,
        created_ms INTEGER NOT NULL, version INTEGER NOT NULL, is_open INTEGER NOT NULL, due_ms INTEGER NOT NULL,
        lease_until_ms INTEGER NOT NULL, node TEXT NOT NULL, instance TEXT NOT NULL, record BLOB NOT NULL
    ) STRICT",
    "CREATE INDEX batches_of ON batches (tenant, seq)",
    "CREATE INDEX batches_asked ON batches (tenant, question, created_ms)",
    "CREATE INDEX batches_due ON batches (due_ms) WHERE is_open = 1",
];

/// Uploads are done once for each name that their callers give them.
pub(super) const NAMED_FILES: &[&str] = &[
    "ALTER TABLE batch_files ADD COLUMN question TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX batch_files_asked ON batch_files (tenant, question, created_ms) WHERE question != ''",
];
