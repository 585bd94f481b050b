//! What the configuration asks to exist: the catalog, the tenants, their keys.

mod mcp;

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
};

use floopy_shared::{
    domain::{
        catalog::Catalog,
        credential::KeyRing,
        ids::{CandidateKey, TenantId},
        money::micro_usd,
    },
    process::clock::Clock,
};

use super::{Error, credentials, known::models_of, operator};
use crate::{
    allowed::{self, Refused},
    config::{Config, TenantConfig},
    index::KnownModels,
    plans::Plans,
    rest::describe_key,
    role::Role,
    store::{
        Location, Purpose, Store, Tx,
        audit::{self, Action},
        keys::{self, Wanted},
        settings::mcp::WrittenMcp,
        tenants::{self, Profile, managed},
    },
};

/// The tenant of a first start without any configured.
const DEFAULT_TENANT: &str = "default";

/// Who is written down to have done what is done to the store itself: only its operator can.
const BY_HAND: &str = "operator";

/// What tenants may refer to.
type Known<'a> = (&'a KnownModels, &'a Plans);

/// What tenants are written with.
#[derive(Clone, Copy)]
pub(super) struct With<'a> {
    known: Known<'a>,
    /// What secrets are sealed with.
    keys: &'a KeyRing,
}

impl<'a> With<'a> {
    pub(super) fn of(known: Known<'a>, keys: &'a KeyRing) -> Self {
        Self { known, keys }
    }
}

/// The plans that there are.
pub(super) fn plans_of(config: &Config) -> Result<Plans, Error> {
    Plans::of(&config.plans).map_err(|(key, reason)| Error::config(key, reason))
}

/// Keeps two control planes off one store: both would hand out the same versions.
pub(super) fn lock(location: &Location) -> Result<Option<File>, Error> {
    let Location::Directory(directory) = location else {
        return Ok(None);
    };
    let path = directory.join("controlplane.lock");
    let failed = |e: std::io::Error| {
        Error::config("data_dir", format!("cannot lock {}: {e}", path.display()))
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(directory.display().to_string())),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

/// Writes the configured tenants; without any in a new store, makes one with a key, which is returned.
pub(super) async fn tenants(
    store: &Store,
    config: &Config,
    with: With<'_>,
    now_ms: u64,
) -> Result<Option<String>, Error> {
    let mut tx = store.write().await?;
    let mut minted = None;
    put_tenants(&mut tx, config, with, now_ms).await?;
    if tenants::count(&mut tx).await? == 0 {
        let id = tenant_id("tenants", DEFAULT_TENANT)?;
        tenants::ensure(&mut tx, &id, now_ms).await?;
        minted = Some(keys::mint(&mut tx, &id, &Wanted::default(), now_ms).await?);
    }
    tx.commit().await.map_err(crate::store::StoreError::from)?;
    Ok(minted)
}

/// Writes the configured tenants, whatever others there are.
pub(super) async fn put_tenants(
    tx: &mut Tx,
    config: &Config,
    with: With<'_>,
    now_ms: u64,
) -> Result<(), Error> {
    tenants::unconfigure(tx).await?;
    for (index, tenant) in config.tenants.iter().enumerate() {
        put_tenant(tx, (index, tenant), with, now_ms).await?;
    }
    end_keys_of_others(tx, now_ms).await
}

/// Ends the keys that the configuration brought to tenants that it does not have any more. The tenants stay, with the
/// keys that were made elsewhere.
async fn end_keys_of_others(tx: &mut Tx, now_ms: u64) -> Result<(), Error> {
    for (tenant, key) in keys::configured_of_others(tx).await? {
        let listed = keys::list(tx, &tenant).await?;
        let ended = listed.iter().find(|listed| listed.key.id == key);
        let before = ended.map(|ended| describe_key(ended).to_string());
        keys::delete(tx, &tenant, &key).await?;
        let change = audit::Change {
            tenant: Some(&tenant),
            at_ms: now_ms,
            actor: BY_HAND,
            role: BY_HAND,
            action: Action::Delete,
            resource: &format!("key/{key}"),
            before: before.as_deref(),
            after: None,
            request_id: "",
        };
        audit::add(tx, &change).await?;
    }
    Ok(())
}

async fn put_tenant(
    tx: &mut Tx,
    (index, tenant): (usize, &TenantConfig),
    with: With<'_>,
    now_ms: u64,
) -> Result<(), Error> {
    let mut profile = profile((index, tenant), with.known)?;
    if managed::is_deleted(tx, &profile.id).await? {
        let message = format!(
            "tenant {} was deleted, and what is kept under this id is another's: take another id",
            profile.id
        );
        return Err(Error::config(format!("tenants[{index}].id"), message));
    }
    let before = tenants::mcp(tx, &profile.id).await?;
    let place = (index, &profile.id);
    profile.mcp = mcp::written(&tenant.mcp, place, &before, with.keys)?;
    tenants::put(tx, &profile, now_ms).await?;
    let secret = tenant.key.as_ref().map(|secret| secret.expose());
    let id = &profile.id;
    match keys::put_configured(tx, id, secret, now_ms).await? {
        Some(holder) if holder != id.as_str() => Err(Error::config(
            format!("tenants[{index}].key"),
            format!("the key of tenant {id} belongs to tenant {holder}"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Checks what types cannot say: models and tenants that refer to each other.
pub fn check(config: &Config) -> Result<(), Error> {
    operator::check(config)?;
    let (models, plans) = (models_of(config)?, plans_of(config)?);
    for tenant in config.tenants.iter().enumerate() {
        profile(tenant, (&models, &plans))?;
    }
    Ok(())
}

fn profile(
    (index, tenant): (usize, &TenantConfig),
    (known, plans): Known<'_>,
) -> Result<Profile, Error> {
    let key = |name: &str| format!("tenants[{index}].{name}");
    let id = tenant_id(&key("id"), &tenant.id)?;
    let catalog = &*known.of(&id);
    let default_model = tenant
        .default_model
        .as_deref()
        .map(|name| {
            find(catalog, name).map_err(|message| Error::config(key("default_model"), message))
        })
        .transpose()?;
    let refused = |Refused { field, message }| Error::config(key(&field), message);
    let constraints = tenant.constraints.to_domain();
    allowed::constraints(catalog, &constraints, default_model.as_ref()).map_err(refused)?;
    let routing = tenant.routing();
    if let Some(name) = tenant
        .plan
        .as_deref()
        .filter(|name| plans.named(name).is_none())
    {
        let message = format!(
            "{name:?} is not a plan; it must be one of {}",
            plans.names()
        );
        return Err(Error::config(key("plan"), message));
    }
    allowed::routing(catalog, &routing, &constraints).map_err(refused)?;
    Ok(Profile {
        id,
        zero_retention: tenant.zero_retention,
        default_model,
        constraints,
        shadow_budget_micro_usd_per_day: tenant.shadow_budget_usd_per_day.and_then(micro_usd),
        routing,
        plan: tenant.plan.clone(),
        caching: tenant.cache.to_domain(),
        firewall: tenant.firewall.to_domain(),
        // Once there is a key to seal with.
        mcp: WrittenMcp::default(),
    })
}

fn tenant_id(key: &str, id: &str) -> Result<TenantId, Error> {
    TenantId::new(id).map_err(|e| Error::config(key, e.to_string()))
}

/// A model by `provider/model` or by its name alone.
pub(crate) fn find(catalog: &Catalog, name: &str) -> Result<CandidateKey, String> {
    let by_key = CandidateKey::parse(name)
        .ok()
        .and_then(|key| catalog.get(&key));
    let found = by_key.or_else(|| catalog.named(name).next());
    let unknown = || {
        format!("{name:?} is not a known model; write provider/model, or add it under [[models]]")
    };
    found.map(|model| model.key.clone()).ok_or_else(unknown)
}

/// A key as it is asked for without any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    pub tenant: String,
    /// `read_only`, `member`, `admin` or `owner`.
    pub role: String,
    pub name: String,
}

/// Mints a key for a tenant that exists or is configured; works beside a running control plane, which learns
/// of it within a second.
pub async fn create_key(config: &Config, new: &NewKey) -> Result<String, Error> {
    let id = tenant_id("tenant", &new.tenant)?;
    let role = Role::parse(&new.role).ok_or_else(|| {
        let message = format!(
            "{:?} is not a role; it must be one of {}",
            new.role,
            Role::names()
        );
        Error::config("role", message)
    })?;
    let wanted = Wanted {
        name: new.name.clone(),
        role,
        write: role != Role::ReadOnly,
        ..Wanted::default()
    };
    let store = Store::open(&Location::of(config, Purpose::Beside)).await?;
    let now_ms = Clock::system().now_ms();
    let mut tx = store.write().await?;
    if !tenants::exists(&mut tx, &id).await? {
        make(&mut tx, config, &id, now_ms).await?;
    }
    let key = keys::mint(&mut tx, &id, &wanted, now_ms).await?;
    write_down(&mut tx, &id, &key, now_ms).await?;
    tx.commit().await.map_err(crate::store::StoreError::from)?;
    store.close().await;
    Ok(key)
}

/// Says in the audit that whoever has the store's files made a key.
async fn write_down(tx: &mut Tx, id: &TenantId, key: &str, now_ms: u64) -> Result<(), Error> {
    let key_id = keys::id_of(key);
    let listed = keys::list(tx, id).await?;
    let made = listed.iter().find(|listed| listed.key.id == key_id);
    let after = made.map(|made| describe_key(made).to_string());
    let change = audit::Change {
        tenant: Some(id),
        at_ms: now_ms,
        actor: BY_HAND,
        role: BY_HAND,
        action: Action::Create,
        resource: &format!("key/{key_id}"),
        before: None,
        after: after.as_deref(),
        request_id: "",
    };
    Ok(audit::add(tx, &change).await?)
}

/// Makes a tenant as a start would. Any other name is more likely misspelt than meant.
async fn make(tx: &mut Tx, config: &Config, id: &TenantId, now_ms: u64) -> Result<(), Error> {
    let mut configured = config.tenants.iter().enumerate();
    if let Some(found) = configured.find(|(_, tenant)| tenant.id == id.as_str()) {
        let (models, plans) = (models_of(config)?, plans_of(config)?);
        let keys = credentials::keys(config)?;
        let with = With::of((&models, &plans), &keys);
        return put_tenant(tx, found, with, now_ms).await;
    }
    let is_new = !managed::is_taken(tx, id).await?;
    if config.tenants.is_empty() && id.as_str() == DEFAULT_TENANT && is_new {
        return Ok(tenants::ensure(tx, id, now_ms).await?);
    }
    Err(Error::config(
        "tenant",
        format!(
            "there is no tenant \"{id}\"; add [[tenants]] with id = \"{id}\" to the configuration to make it"
        ),
    ))
}
