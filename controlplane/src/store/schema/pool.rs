//! The step that keeps what was told of all tenants together, and what of it each of them gave.

pub(super) const POOL: &[&str] = &[
    "CREATE TABLE pool_releases (
        number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, rho REAL NOT NULL, sigma REAL NOT NULL, cells TEXT NOT NULL
    ) STRICT",
    // `cells` is empty where the tenant left the pool since: what it gave is not kept, what that cost it is.
    "CREATE TABLE pool_given (
        tenant TEXT NOT NULL, number INTEGER NOT NULL, scale REAL NOT NULL, cells TEXT NOT NULL,
        PRIMARY KEY (tenant, number)
    ) WITHOUT ROWID, STRICT",
];
