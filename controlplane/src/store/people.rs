//! People who sign in with a password, and where they are signed in.

use floopy_shared::domain::ids::{KeyHash, TenantId};

use super::{StoreError, Tx, keys::Holder, tenant_id, to_i64, to_u64};
use crate::{
    role::Role,
    store::sql::{self, Conn, Row},
};

/// Accounts of one address, in as many tenants, that a password is tried on: the oldest.
const SAME_EMAIL: i64 = 4;

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Begins with `user_`.
    pub(crate) id: String,
    pub(crate) tenant: TenantId,
    /// In lower case.
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) created_ms: u64,
}

/// The same with what a password is compared with.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) person: Person,
    /// In Argon2's own form, with its salt.
    pub(crate) password: String,
}

const COLUMNS: &str = "p.id, p.tenant, p.email, p.role, p.created_ms";

/// Keeps a person.
pub(crate) async fn put(tx: &mut Tx, account: &Account) -> Result<(), StoreError> {
    let person = &account.person;
    sql::query(
        "INSERT INTO people (id, tenant, email, password, role, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&person.id)
    .bind(person.tenant.as_str())
    .bind(&person.email)
    .bind(&account.password)
    .bind(person.role.as_str())
    .bind(to_i64(person.created_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A tenant's people, the oldest first.
pub(crate) async fn list(conn: &mut Conn, tenant: &TenantId) -> Result<Vec<Person>, StoreError> {
    let text =
        format!("SELECT {COLUMNS} FROM people AS p WHERE p.tenant = ? ORDER BY p.created_ms, p.id");
    let rows = sql::query(&text).bind(tenant.as_str()).fetch_all(conn);
    rows.await?.iter().map(person).collect()
}

/// Who has this address.
pub(crate) async fn by_email(conn: &mut Conn, email: &str) -> Result<Vec<Account>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, p.password FROM people AS p WHERE p.email = ? ORDER BY p.created_ms, p.id LIMIT ?"
    );
    let rows = sql::query(&text).bind(email).bind(SAME_EMAIL);
    rows.fetch_all(conn).await?.iter().map(account).collect()
}

/// Who has this id.
pub(crate) async fn get(conn: &mut Conn, id: &str) -> Result<Option<Account>, StoreError> {
    let text = format!("SELECT {COLUMNS}, p.password FROM people AS p WHERE p.id = ?");
    let row = sql::query(&text).bind(id).fetch_optional(conn).await?;
    row.as_ref().map(account).transpose()
}

/// Keeps another password of a person, if the one that it takes the place of is still kept, and signs them out
/// everywhere but here. Whether it was.
pub(crate) async fn change_password(
    tx: &mut Tx,
    (before, after): (&Account, &str),
    here: &KeyHash,
) -> Result<bool, StoreError> {
    let id = &before.person.id;
    let changed = sql::query("UPDATE people SET password = ? WHERE id = ? AND password = ?")
        .bind(after)
        .bind(id)
        .bind(&before.password)
        .execute(&mut **tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Ok(false);
    }
    sql::query("DELETE FROM sign_ins WHERE person = ? AND sha256 <> ?")
        .bind(id)
        .bind(here.0.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(true)
}

/// Takes a person away and signs them out everywhere.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM sign_ins WHERE person = ?",
        "DELETE FROM people WHERE id = ?",
    ] {
        sql::query(text).bind(id).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Takes all people of a tenant away.
pub(crate) async fn delete_all(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    for text in [
        "DELETE FROM sign_ins WHERE person IN (SELECT id FROM people WHERE tenant = ?)",
        "DELETE FROM people WHERE tenant = ?",
    ] {
        let query = sql::query(text).bind(tenant.as_str());
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

/// Remembers that somebody signed in, and forgets who was signed in for too long.
pub(crate) async fn sign_in(
    tx: &mut Tx,
    (person, cookie): (&str, &KeyHash),
    (now_ms, expires_ms): (u64, u64),
) -> Result<(), StoreError> {
    sql::query("DELETE FROM sign_ins WHERE expires_ms <= ?")
        .bind(to_i64(now_ms))
        .execute(&mut **tx)
        .await?;
    sql::query("INSERT INTO sign_ins (sha256, person, created_ms, expires_ms) VALUES (?, ?, ?, ?)")
        .bind(cookie.0.as_slice())
        .bind(person)
        .bind(to_i64(now_ms))
        .bind(to_i64(expires_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets it.
pub(crate) async fn sign_out(tx: &mut Tx, cookie: &KeyHash) -> Result<(), StoreError> {
    sql::query("DELETE FROM sign_ins WHERE sha256 = ?")
        .bind(cookie.0.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Who is signed in with this cookie, and until when.
pub(crate) async fn signed_in(
    conn: &mut Conn,
    cookie: &KeyHash,
    now_ms: u64,
) -> Result<Option<(Person, u64)>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, s.expires_ms FROM sign_ins AS s JOIN people AS p ON p.id = s.person
            WHERE s.sha256 = ? AND s.expires_ms > ?"
    );
    let query = sql::query(&text)
        .bind(cookie.0.as_slice())
        .bind(to_i64(now_ms));
    let row = query.fetch_optional(conn).await?;
    row.map(|row| Ok((person(&row)?, to_u64(row.try_get(5)?))))
        .transpose()
}

/// What somebody may do, as a key would.
pub(crate) async fn holder(conn: &mut Conn, id: &str) -> Result<Option<Holder>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, t.disabled FROM people AS p JOIN tenants AS t ON t.id = p.tenant WHERE p.id = ?"
    );
    let row = sql::query(&text).bind(id).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let person = person(&row)?;
    Ok(Some(Holder {
        tenant: person.tenant,
        key: person.id,
        read: true,
        write: person.role > Role::ReadOnly,
        role: person.role,
        is_disabled: row.try_get(5)?,
        is_scoped: false,
    }))
}

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        person: person(row)?,
        password: row.try_get(5)?,
    })
}

fn person(row: &Row) -> Result<Person, StoreError> {
    let role: &str = row.try_get(3)?;
    Ok(Person {
        id: row.try_get(0)?,
        tenant: tenant_id(row.try_get(1)?)?,
        email: row.try_get(2)?,
        role: Role::parse(role).ok_or_else(|| StoreError::corrupt("role", role))?,
        created_ms: to_u64(row.try_get(4)?),
    })
}
