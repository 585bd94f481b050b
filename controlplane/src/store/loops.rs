//! Calls that left an agent in the middle of its tools, until it is known whether somebody came back to their sessions.

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};

use super::{
    StoreError, Tx, request_id,
    sql::{self, Conn, QueryBuilder},
    statements, tenant_id, to_i64,
};

/// A call that was left, as far as the store knows.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) request: RequestId,
    /// `None`: it is forgotten, or somebody came back.
    pub(crate) tenant: Option<TenantId>,
}

/// Remembers those of the calls that leave an agent in the middle.
pub(crate) async fn note<'a>(
    tx: &mut Tx,
    (decisions, now_ms): (impl Iterator<Item = &'a Decision>, u64),
) -> Result<(), StoreError> {
    let open: Vec<&Decision> = decisions
        .filter(|decision| decision.is_open_loop())
        .collect();
    for open in statements(&open) {
        let mut query = QueryBuilder::new("INSERT INTO open_loops (request_id, noted_ms) ");
        query.push_values(open, |mut row, decision| {
            row.push_bind(decision.request_id.0.as_bytes().as_slice())
                .push_bind(to_i64(now_ms.max(decision.created_at_ms)));
        });
        query.push(" ON CONFLICT DO NOTHING");
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// Of those that came before this the ones that came first, and whether anybody called in their sessions since.
pub(crate) async fn older(
    conn: &mut Conn,
    before_ms: u64,
    most: i64,
) -> Result<Vec<Left>, StoreError> {
    let rows = sql::query(
        "SELECT o.request_id, d.tenant FROM open_loops AS o
            LEFT JOIN decisions AS d ON d.request_id = o.request_id AND NOT EXISTS (
                SELECT 1 FROM decisions AS later
                    WHERE later.tenant = d.tenant AND later.session_id = d.session_id
                        AND later.created_ms > d.created_ms AND later.shadow = 0
            )
            WHERE o.noted_ms < ? ORDER BY o.noted_ms LIMIT ?",
    )
    .bind(to_i64(before_ms))
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let tenant: Option<&str> = row.try_get(1)?;
            Ok(Left {
                request: request_id(row.try_get(0)?)?,
                tenant: tenant.map(tenant_id).transpose()?,
            })
        })
        .collect()
}

/// What became of them is known.
pub(crate) async fn forget(tx: &mut Tx, calls: &[Left]) -> Result<(), StoreError> {
    let known: Vec<RequestId> = calls.iter().map(|left| left.request).collect();
    let query =
        "DELETE FROM open_loops WHERE request_id IN (SELECT unhex(value) FROM json_each(?))";
    let query = sql::query(query).bind(super::id_list(&known));
    query.execute(&mut **tx).await?;
    Ok(())
}
