//! What session ratings are about: a session, or a call that has none; what a name means, and which calls
//! belong together.

mod calls;

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, SessionId, TenantId},
};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use self::calls::MAX_TURNS;
pub(crate) use self::calls::{Calls, calls};
use super::{StoreError, gathered, names_by_tenant, request_id_of_hex, tenant_id};
use crate::store::sql::{self, Conn};

/// What a session's rating is about: a session, or one call that has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    Session(SessionId),
    Call(RequestId),
}

impl Unit {
    /// The unit a decision belongs to.
    pub(crate) fn of(decision: &Decision) -> Self {
        decision
            .session_id
            .clone()
            .map_or(Self::Call(decision.request_id), Self::Session)
    }

    /// The stored name.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Session(id) => format!("s:{id}"),
            Self::Call(id) => format!("r:{id}"),
        }
    }
}

/// A tenant's unit.
pub(crate) type TenantUnit = (TenantId, Unit);

/// A name that a rating came for, or that a call bears.
pub(crate) type Name = (TenantId, String);

/// Every name under which a rating could mean this call's unit.
pub(crate) fn names_of(decision: &Decision) -> impl Iterator<Item = Name> + '_ {
    let session = decision.session_id.as_ref().map(ToString::to_string);
    let names = [
        Some(decision.request_id.to_string()),
        session,
        decision.completion_id.clone(),
    ];
    let name = |name| (decision.tenant.clone(), name);
    names.into_iter().flatten().map(name)
}

/// The unit that each name means; a name that means none is left out.
///
/// A session's own id comes first. Otherwise the name is an alias: the completion id or the request id of a
/// call, which stands for its session, or for itself where it has none; the oldest such call is meant.
pub(crate) async fn meant(
    conn: &mut Conn,
    names: &BTreeSet<Name>,
) -> Result<BTreeMap<Name, Unit>, StoreError> {
    let Some(all) = names_by_tenant(names.iter().map(|(t, name)| (t, name.as_str()))) else {
        return Ok(BTreeMap::new());
    };
    let mut meant = own_sessions(conn, all).await?;
    let others = |name: &&Name| !meant.contains_key(*name);
    let others: Vec<&Name> = names.iter().filter(others).collect();
    let mut aliases = BTreeMap::new();
    if let Some(names) = names_by_tenant(others.iter().map(|(t, name)| (t, name.as_str()))) {
        completions(conn, names, &mut aliases).await?;
    }
    let requests = others.iter().filter(|(_, name)| is_request(name));
    if let Some(names) = names_by_tenant(requests.map(|(t, name)| (t, name.as_str()))) {
        requests_named(conn, names, &mut aliases).await?;
    }
    meant.extend(aliases.into_iter().map(|(name, (_, unit))| (name, unit)));
    Ok(meant)
}

/// Whether a name has the one form in which request ids are told to callers.
fn is_request(name: &str) -> bool {
    Uuid::try_parse(name).is_ok_and(|id| id.hyphenated().to_string() == name)
}

fn session(id: &str) -> Result<Unit, StoreError> {
    SessionId::new(id)
        .map(Unit::Session)
        .map_err(|e| StoreError::corrupt("session id", e))
}

async fn own_sessions(conn: &mut Conn, names: String) -> Result<BTreeMap<Name, Unit>, StoreError> {
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(t.key, n.value)) FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
            WHERE EXISTS (SELECT 1 FROM decisions AS d INDEXED BY decisions_session
                WHERE d.tenant = t.key AND d.session_id = n.value AND d.shadow = 0)",
    )
    .bind(names);
    let own = |(tenant, name): (String, String)| {
        let unit = session(&name)?;
        Ok(((tenant_id(&tenant)?, name), unit))
    };
    gathered(conn, query).await?.into_iter().map(own).collect()
}

/// What aliases mean so far, with the call that says so.
type Aliases = BTreeMap<Name, ((i64, RequestId), Unit)>;

/// An alias as it is read: tenant, name, and the call's moment, id and session.
type StoredAlias = (String, String, i64, String, Option<String>);

async fn completions(
    conn: &mut Conn,
    names: String,
    aliases: &mut Aliases,
) -> Result<(), StoreError> {
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(t.key, n.value, d.created_ms, hex(d.request_id), d.session_id))
         FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
         CROSS JOIN decisions AS d ON d.id =
            (SELECT o.id FROM decisions AS o INDEXED BY decisions_completion
                WHERE o.tenant = t.key AND o.completion_id = n.value AND o.shadow = 0
                ORDER BY o.created_ms, o.request_id LIMIT 1)",
    )
    .bind(names);
    note(gathered(conn, query).await?, aliases)
}

async fn requests_named(
    conn: &mut Conn,
    names: String,
    aliases: &mut Aliases,
) -> Result<(), StoreError> {
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(t.key, n.value, d.created_ms, hex(d.request_id), d.session_id))
         FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
         CROSS JOIN decisions AS d
            ON d.request_id = unhex(n.value, '-') AND d.tenant = t.key AND d.shadow = 0",
    )
    .bind(names);
    note(gathered(conn, query).await?, aliases)
}

fn note(rows: Vec<StoredAlias>, aliases: &mut Aliases) -> Result<(), StoreError> {
    for (tenant, name, created_ms, request, id) in rows {
        let order = (created_ms, request_id_of_hex(&request)?);
        let unit = match id {
            Some(id) => session(&id)?,
            None => Unit::Call(order.1),
        };
        let oldest = aliases
            .entry((tenant_id(&tenant)?, name))
            .or_insert_with(|| (order, unit.clone()));
        if order < oldest.0 {
            *oldest = (order, unit);
        }
    }
    Ok(())
}
