//! Which calls belong to a unit, and what a rating of it can be called.

use floopy_shared::domain::ids::RequestId;

use super::{TenantUnit, Unit};
use crate::store::sql::{self, Conn};
use crate::{
    learn::credit::Turn,
    store::{
        StoreError, gathered_text, placed_by_tenant,
        record::{self, StoredTurn},
        request_id_of_hex, rows_of,
    },
};

/// Calls of one session that its rating is about. Which ones of a longer session they are does not depend on
/// the order of arrival.
pub(crate) const MAX_TURNS: usize = 1_000;

/// The calls of a unit, shadows left out.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// What a rating of the unit can be called; a name may stand here twice.
    pub(crate) names: Vec<String>,
    pub(crate) turns: Vec<Turn>,
}

/// The calls of some units as they were read, to be made sense of while the store does something else.
#[derive(Debug)]
pub(crate) struct StoredCalls(Vec<String>);

/// One call of a unit.
struct Call {
    order: (i64, RequestId),
    completion: Option<String>,
    turn: Option<Turn>,
}

/// A call as it is read: its unit's place, when, which, its completion id, its turn, and its score in micro-units.
type Row = (
    usize,
    i64,
    String,
    Option<String>,
    Option<StoredTurn>,
    Option<i64>,
);

/// The calls of each unit; of a session the first [`MAX_TURNS`].
pub(crate) async fn calls(
    conn: &mut Conn,
    units: &[TenantUnit],
) -> Result<StoredCalls, StoreError> {
    let mut found = Vec::new();
    let sessions = units.iter().enumerate();
    let sessions = sessions.filter_map(|(place, (tenant, unit))| match unit {
        Unit::Session(id) => Some((place, tenant, id.as_str())),
        Unit::Call(_) => None,
    });
    if let Some(sessions) = placed_by_tenant(sessions) {
        found.push(of_sessions(conn, sessions).await?);
    }
    let single = units.iter().enumerate();
    let single = single.filter_map(|(place, (tenant, unit))| match unit {
        Unit::Call(id) => Some((place, tenant, id.to_string())),
        Unit::Session(_) => None,
    });
    if let Some(single) = placed_by_tenant(single) {
        found.push(of_calls(conn, single).await?);
    }
    Ok(StoredCalls(found))
}

async fn of_sessions(conn: &mut Conn, sessions: String) -> Result<String, StoreError> {
    // No more than the first calls are read, and only from the index, which has all that is needed but their scores.
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(
            CAST(n.key AS INTEGER), d.created_ms, hex(d.request_id), d.completion_id, json(d.turn),
            (SELECT CAST(round(s.composite * 1000000) AS INTEGER) FROM scores AS s WHERE s.request_id = d.request_id)))
         FROM json_each(?1) AS t CROSS JOIN json_each(t.value) AS n
         CROSS JOIN decisions AS d INDEXED BY decisions_session
            ON d.tenant = t.key AND d.session_id = n.value AND d.shadow = 0
            AND d.created_ms <= ifnull((SELECT o.created_ms FROM decisions AS o INDEXED BY decisions_session
                WHERE o.tenant = t.key AND o.session_id = n.value AND o.shadow = 0
                ORDER BY o.created_ms, o.request_id LIMIT 1 OFFSET ?2), 9223372036854775807)",
    )
    .bind(sessions)
    .bind(i64::try_from(MAX_TURNS - 1).unwrap_or(i64::MAX));
    gathered_text(conn, query).await
}

async fn of_calls(conn: &mut Conn, calls: String) -> Result<String, StoreError> {
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(
            CAST(n.key AS INTEGER), d.created_ms, hex(d.request_id), d.completion_id, json(d.turn),
            (SELECT CAST(round(s.composite * 1000000) AS INTEGER) FROM scores AS s WHERE s.request_id = d.request_id)))
         FROM json_each(?) AS t CROSS JOIN json_each(t.value) AS n
         CROSS JOIN decisions AS d
            ON d.request_id = unhex(n.value, '-') AND d.tenant = t.key AND d.session_id IS NULL AND d.shadow = 0",
    )
    .bind(calls);
    gathered_text(conn, query).await
}

impl StoredCalls {
    /// The calls of each of the units that they were read for.
    pub(crate) fn of(self, units: &[TenantUnit]) -> Result<Vec<Calls>, StoreError> {
        let mut calls: Vec<Vec<Call>> = units.iter().map(|_| Vec::new()).collect();
        for rows in &self.0 {
            for (place, created_ms, request, completion, turn, judged) in rows_of::<Row>(rows)? {
                let Some(calls) = calls.get_mut(place) else {
                    return Err(StoreError::corrupt("place", place));
                };
                let turn = turn.as_ref().map(record::decode_turn).transpose()?;
                calls.push(Call {
                    order: (created_ms, request_id_of_hex(&request)?),
                    completion,
                    turn: turn.map(|turn| Turn { judged, ..turn }),
                });
            }
        }
        let calls = units.iter().zip(calls);
        Ok(calls
            .map(|((_, unit), calls)| together(unit, calls))
            .collect())
    }
}

fn together(unit: &Unit, mut calls: Vec<Call>) -> Calls {
    calls.sort_by_key(|call| call.order);
    calls.truncate(MAX_TURNS);
    let mut all = Calls {
        names: Vec::with_capacity(2 * calls.len() + 1),
        turns: Vec::with_capacity(calls.len()),
    };
    if let (Unit::Session(id), false) = (unit, calls.is_empty()) {
        all.names.push(id.to_string());
    }
    for call in calls {
        all.names.push(call.order.1.to_string());
        all.names.extend(call.completion);
        all.turns.extend(call.turn);
    }
    all
}
