//! Where the control plane keeps what it knows.

use floopy_shared::process::config::Secret;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        Error, IntoDeserializer,
        value::{Error as Unreadable, StrDeserializer},
    },
};

/// Where the control plane keeps what it knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A PostgreSQL database, `postgres://user:password@host:5432/database`, or `"env:NAME"`. Absent: SQLite in
    /// `data_dir`.
    #[serde(
        deserialize_with = "postgres_url",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<Secret>,
}

impl StoreConfig {
    /// The one that is written so: the URL of a PostgreSQL database, or `env:NAME`.
    pub fn postgres(written: &str) -> Result<Self, String> {
        let written: StrDeserializer<'_, Unreadable> = written.into_deserializer();
        let url = postgres_url(written).map_err(|e: Unreadable| e.to_string())?;
        Ok(Self { url })
    }
}

fn postgres_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let url = Secret::deserialize(deserializer)?;
    let begins = |scheme| url.expose().starts_with(scheme);
    if begins("postgres://") || begins("postgresql://") {
        return Ok(Some(url));
    }
    // What is wrong may be a password.
    Err(D::Error::custom(
        "this is not the URL of a PostgreSQL database, it must be like \"postgres://user:password@host:5432/database\"",
    ))
}
