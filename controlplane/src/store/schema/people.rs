//! The step that keeps people who sign in, and where they are signed in.

/// Passwords as Argon2id says them, and hashes of cookies: neither can be used by whoever reads the store.
pub(super) const PEOPLE: &[&str] = &[
    "CREATE TABLE people (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, email TEXT NOT NULL, password TEXT NOT NULL, role TEXT NOT NULL,
        created_ms INTEGER NOT NULL, UNIQUE (tenant, email)
    ) STRICT",
    "CREATE INDEX people_email ON people (email, created_ms)",
    "CREATE TABLE sign_ins (
        sha256 BLOB PRIMARY KEY, person TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX sign_ins_person ON sign_ins (person)",
    "CREATE INDEX sign_ins_age ON sign_ins (expires_ms)",
];
