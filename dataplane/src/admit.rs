//! Who calls, and what their key may do; answered from the snapshot alone.

use std::sync::Arc;

use floopy_shared::domain::{
    ids::KeyHash,
    snapshot::{KeyScope, Tenant},
};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use uuid::Uuid;

use crate::{provider::Providers, state::Known};

/// Where Anthropic's clients send their key.
pub(crate) static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What an endpoint needs of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Read,
    Write,
    /// To have a chat call served, which is all that keys of evaluations may.
    Chat,
}

/// A caller that was let in, with the snapshot that everything about the call is decided on.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub snapshot: Arc<Known>,
    pub tenant: Arc<Tenant>,
    pub key_id: String,
    /// What the key is held to.
    pub scope: KeyScope,
    /// What its calls are counted for where nothing else is said.
    pub default_project: Option<Uuid>,
}

impl Admitted {
    /// Whom its calls may ask.
    pub(crate) fn providers(&self) -> &Arc<Providers> {
        self.snapshot.access.of(&self.tenant.id)
    }
}

/// Why a caller was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error(
        "this proxy knows no tenants yet: it has not received a snapshot from its control plane"
    )]
    NoSnapshot,
    #[error("no API key was sent: send the header Authorization: Bearer <key>")]
    Missing,
    #[error("the header Authorization must have the form: Bearer <key>")]
    Malformed,
    #[error("the API key is not known")]
    Unknown,
    #[error("the tenant of this API key is disabled; ask whoever runs this Floopy")]
    Disabled,
    #[error("the API key has no read permission")]
    NoRead,
    #[error("the API key has no write permission")]
    NoWrite,
}

/// Looks the key of a request up.
pub(crate) fn admit(
    snapshot: Arc<Known>,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<Admitted, Denied> {
    if snapshot.tenants().next().is_none() {
        return Err(Denied::NoSnapshot);
    }
    let key = match headers.get(&API_KEY) {
        // Anthropic's clients send their key so.
        Some(value) if !headers.contains_key(AUTHORIZATION) => {
            value.to_str().map_err(|_| Denied::Malformed)?.trim()
        }
        Some(_) | None => bearer(headers)?,
    };
    let (tenant, key) = snapshot
        .tenant_of_key(&KeyHash::of(key))
        .ok_or(Denied::Unknown)?;
    if tenant.disabled {
        return Err(Denied::Disabled);
    }
    match permission {
        Permission::Read if !key.read => return Err(Denied::NoRead),
        Permission::Write | Permission::Chat if !key.write => return Err(Denied::NoWrite),
        Permission::Write if key.scope.evaluation => return Err(Denied::NoWrite),
        Permission::Read | Permission::Write | Permission::Chat => {}
    }
    let (tenant, key_id, scope) = (Arc::clone(tenant), key.id.clone(), key.scope.clone());
    // What an evaluation is counted for, it says itself.
    let of_tenant = tenant.default_project.filter(|_| !key.scope.evaluation);
    let default_project = key.default_project.or(of_tenant);
    Ok(Admitted {
        snapshot,
        tenant,
        key_id,
        scope,
        default_project,
    })
}

fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let value = headers.get(AUTHORIZATION).ok_or(Denied::Missing)?;
    let (scheme, key) = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().split_once(' '))
        .ok_or(Denied::Malformed)?;
    let key = key.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || key.is_empty() {
        return Err(Denied::Malformed);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        catalog::Catalog,
        ids::TenantId,
        snapshot::{ApiKey, KeyScope, Snapshot},
    };
    use http::HeaderValue;

    use super::*;

    fn snapshot(read: bool, write: bool) -> Arc<Known> {
        let scope = KeyScope::default();
        with_key(read, write, scope)
    }

    fn with_key(read: bool, write: bool, scope: KeyScope) -> Arc<Known> {
        let key = ApiKey {
            id: "k1".to_owned(),
            hash: KeyHash::of("fl_secret"),
            read,
            write,
            scope,
            default_project: None,
        };
        let id = TenantId::new("t").expect("valid");
        let tenant = Tenant {
            keys: vec![key],
            ..Tenant::new(id)
        };
        Arc::new(Known::from(Snapshot::cold(Catalog::default(), [tenant])))
    }

    fn ask(
        snapshot: Arc<Known>,
        header: Option<&str>,
        permission: Permission,
    ) -> Result<String, Denied> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).expect("ascii"));
        }
        admit(snapshot, &headers, permission).map(|admitted| admitted.key_id)
    }

    #[test]
    fn keys_are_known_by_their_hash_and_hold_permissions() {
        let (read, write) = (Permission::Read, Permission::Write);
        let cases = [
            (
                true,
                true,
                Some("Bearer fl_secret"),
                write,
                Ok("k1".to_owned()),
            ),
            (
                true,
                true,
                Some("bearer  fl_secret "),
                write,
                Ok("k1".to_owned()),
            ),
            (
                true,
                true,
                Some("Bearer fl_other"),
                write,
                Err(Denied::Unknown),
            ),
            (
                true,
                true,
                Some("Basic fl_secret"),
                write,
                Err(Denied::Malformed),
            ),
            (true, true, Some("fl_secret"), write, Err(Denied::Malformed)),
            (true, true, None, write, Err(Denied::Missing)),
            (
                true,
                false,
                Some("Bearer fl_secret"),
                write,
                Err(Denied::NoWrite),
            ),
            (
                false,
                true,
                Some("Bearer fl_secret"),
                read,
                Err(Denied::NoRead),
            ),
        ];
        for (may_read, may_write, header, permission, expected) in cases {
            assert_eq!(
                ask(snapshot(may_read, may_write), header, permission),
                expected,
                "{header:?}"
            );
        }
        let empty = Arc::<Known>::default();
        assert_eq!(
            ask(empty, Some("Bearer fl_secret"), write),
            Err(Denied::NoSnapshot)
        );
    }

    #[test]
    fn a_key_of_an_evaluation_has_chat_calls_served_and_does_nothing_else() {
        let scope = KeyScope {
            evaluation: true,
            ..KeyScope::default()
        };
        let asked = |permission| {
            let snapshot = with_key(false, true, scope.clone());
            ask(snapshot, Some("Bearer fl_secret"), permission)
        };
        assert_eq!(asked(Permission::Chat), Ok("k1".to_owned()));
        assert_eq!(asked(Permission::Write), Err(Denied::NoWrite));
        assert_eq!(asked(Permission::Read), Err(Denied::NoRead));
    }
}
