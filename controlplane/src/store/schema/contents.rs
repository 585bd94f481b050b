//! The steps that keep what was said in sessions.

/// Sessions, the messages of each by number, and its calls as runs of those numbers. What was deleted at a moment keeps
/// nothing that was said before it, however late that comes.
pub(super) const CONTENTS: &[&str] = &[
    "CREATE TABLE content_sessions (
        id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, session TEXT NOT NULL, touched_ms INTEGER NOT NULL,
        deleted_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, UNIQUE (tenant, session)
    ) STRICT",
    "CREATE INDEX content_sessions_age ON content_sessions (touched_ms)",
    "CREATE TABLE content_messages (
        session INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (session, number)
    ) STRICT",
    "CREATE UNIQUE INDEX content_messages_hash ON content_messages (session, hash)",
    "CREATE TABLE content_turns (
        request_id BLOB PRIMARY KEY, session INTEGER NOT NULL, created_ms INTEGER NOT NULL, candidate TEXT NOT NULL,
        messages BLOB NOT NULL, has_reply INTEGER NOT NULL, truncated INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX content_turns_session ON content_turns (session, created_ms, request_id)",
];

/// Of replies to be judged, the session whose deletion takes them along.
pub(super) const JOBS_OF_SESSIONS: &[&str] = &[
    "ALTER TABLE scoring_jobs ADD COLUMN tenant TEXT",
    "ALTER TABLE scoring_jobs ADD COLUMN session TEXT",
    "CREATE INDEX scoring_jobs_session ON scoring_jobs (tenant, session) WHERE session IS NOT NULL",
];
