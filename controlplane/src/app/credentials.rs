//! The keys that credentials are sealed with, and whether they open what is there.

use floopy_shared::domain::credential::KeyRing;

use super::Error;
use crate::{
    config::Config,
    store::{Store, credentials},
};

/// Loads them; waits for the command that says them, if there is one.
pub(super) fn keys(config: &Config) -> Result<KeyRing, Error> {
    let keys = config.credentials.load();
    keys.map_err(|e| Error::config(format!("credentials.{}", e.field), e.message))
}

/// Says of what is sealed whether its key is missing here: no proxy of the same configuration opens it either.
pub(super) async fn look_over(store: &Store, keys: &KeyRing) -> Result<(), Error> {
    let sealed = credentials::all_sealed(store).await?;
    let is_closed = |key| keys.get(key).is_none();
    let closed = sealed
        .iter()
        .filter(|sealed| sealed.key().is_none_or(is_closed));
    let count = closed.count();
    if count > 0 {
        tracing::error!(
            count,
            "credentials are sealed with keys that are not configured: configure those, or set the credentials again"
        );
    }
    Ok(())
}
