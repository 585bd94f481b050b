//! Providers' credentials: sealed, with what may be told of them.

use floopy_shared::domain::{
    credential::{CredentialId, Sealed},
    ids::TenantId,
};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, Tx, tenant_id, to_i64, to_u64};
use crate::store::sql::{self, Conn, Row};

/// What may be told of a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) kind: String,
    /// The end of its key.
    pub(crate) hint: String,
    pub(crate) region: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) base_url: Option<String>,
}

/// A credential as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) sealed: Sealed,
    pub(crate) told: Told,
    pub(crate) created_ms: u64,
    pub(crate) changed_ms: u64,
}

const COLUMNS: &str = "tenant, provider, revision, sealed, told, created_ms, changed_ms";

fn owner(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("", TenantId::as_str)
}

/// A tenant's, or everybody's, in the order of their providers.
pub(crate) async fn list(
    conn: &mut Conn,
    tenant: Option<&TenantId>,
) -> Result<Vec<Kept>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM credentials WHERE tenant = ? ORDER BY provider");
    let query = sql::query(&text).bind(owner(tenant));
    query.fetch_all(conn).await?.iter().map(kept).collect()
}

/// Everybody's and all tenants'.
pub(crate) async fn all(conn: &mut Conn) -> Result<Vec<Kept>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM credentials ORDER BY tenant, provider");
    let rows = sql::query(&text).fetch_all(conn).await?;
    rows.iter().map(kept).collect()
}

/// The same without what only people are told.
pub(crate) async fn all_sealed(store: &Store) -> Result<Vec<Sealed>, StoreError> {
    let mut conn = store.read().acquire().await?;
    let all = all(&mut conn).await?;
    Ok(all.into_iter().map(|kept| kept.sealed).collect())
}

/// One of them.
pub(crate) async fn get(conn: &mut Conn, id: &CredentialId) -> Result<Option<Kept>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM credentials WHERE tenant = ? AND provider = ?");
    let query = sql::query(&text)
        .bind(owner(id.tenant()))
        .bind(id.provider());
    let found = query.fetch_optional(conn).await?;
    found.as_ref().map(kept).transpose()
}

/// Writes one over whatever was there.
pub(crate) async fn put(tx: &mut Tx, kept: &Kept) -> Result<(), StoreError> {
    let told =
        serde_json::to_string(&kept.told).map_err(|e| StoreError::corrupt("credential", e))?;
    sql::query(
        "INSERT INTO credentials (tenant, provider, revision, sealed, told, created_ms, changed_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, provider) DO UPDATE SET revision = excluded.revision, sealed = excluded.sealed, told = excluded.told,
            changed_ms = excluded.changed_ms",
    )
    .bind(owner(kept.sealed.id.tenant()))
    .bind(kept.sealed.id.provider())
    .bind(to_i64(kept.sealed.revision))
    .bind(kept.sealed.bytes.as_ref())
    .bind(told)
    .bind(to_i64(kept.created_ms))
    .bind(to_i64(kept.changed_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes one away.
pub(crate) async fn delete(tx: &mut Tx, id: &CredentialId) -> Result<(), StoreError> {
    sql::query("DELETE FROM credentials WHERE tenant = ? AND provider = ?")
        .bind(owner(id.tenant()))
        .bind(id.provider())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes all of a tenant away.
pub(crate) async fn delete_all(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    sql::query("DELETE FROM credentials WHERE tenant = ?")
        .bind(tenant.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    let corrupt = |e: String| StoreError::corrupt("credential", e);
    let tenant: String = row.try_get(0)?;
    let tenant = match tenant.as_str() {
        "" => None,
        id => Some(tenant_id(id)?),
    };
    let provider: &str = row.try_get(1)?;
    let sealed: Vec<u8> = row.try_get(3)?;
    let told: &str = row.try_get(4)?;
    Ok(Kept {
        sealed: Sealed {
            id: CredentialId::new(tenant, provider).map_err(|e| corrupt(e.to_string()))?,
            revision: to_u64(row.try_get(2)?),
            bytes: sealed.into(),
        },
        told: serde_json::from_str(told).map_err(|e| corrupt(e.to_string()))?,
        created_ms: to_u64(row.try_get(5)?),
        changed_ms: to_u64(row.try_get(6)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{intake, tenant};

    fn credential(tenant: Option<TenantId>, provider: &str) -> Kept {
        Kept {
            sealed: Sealed {
                id: CredentialId::new(tenant, provider).expect("valid"),
                revision: 1,
                bytes: vec![7; 60].into(),
            },
            told: Told {
                kind: "api_key".into(),
                hint: "cdef".into(),
                ..Told::default()
            },
            created_ms: 5,
            changed_ms: 6,
        }
    }

    #[tokio::test]
    async fn each_owner_has_its_own_and_loses_only_its_own() {
        let store = intake().await.store;
        let everybodys = credential(None, "openai");
        let own = credential(Some(tenant()), "openai");
        let other = credential(Some(TenantId::new("other").expect("valid")), "openai");
        let mut tx = store.write().await.expect("writes");
        for kept in [&everybodys, &own, &other] {
            put(&mut tx, kept).await.expect("put");
        }
        let changed = Kept {
            changed_ms: 9,
            ..own.clone()
        };
        put(&mut tx, &changed).await.expect("replaced");
        let read = get(&mut tx, &own.sealed.id).await.expect("reads");
        assert_eq!(read, Some(changed.clone()));
        let listed = list(&mut tx, Some(&tenant())).await.expect("listed");
        assert_eq!(listed, [changed]);
        delete_all(&mut tx, &tenant()).await.expect("deleted");
        delete(&mut tx, &everybodys.sealed.id)
            .await
            .expect("deleted");
        assert_eq!(all(&mut tx).await.expect("listed"), [other]);
    }
}
