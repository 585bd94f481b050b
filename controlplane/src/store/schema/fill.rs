//! Filling new columns and tables from what a store of an older version has.

use std::collections::HashMap;

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};

use crate::store::sql::{self, Row};
use crate::{
    ingest::usage::{add_decision, replace_rating},
    learn::{
        alarm::PROOF,
        credit::{Cell, Credit, Source, Turn},
        drift::Reference,
        monitor::{Own, State, Usual},
        sums::Sums,
    },
    store::{
        StoreError, Tx, buckets, deltas::Deltas, drift, packed, record, tenant_id, to_u64,
        usage::Used,
    },
};

/// Rows read at a time.
const FILL: i64 = 1_000;

/// Writes the turn of every decision whose record can be read; what cannot be read counts for nothing, as before.
pub(super) async fn turns(tx: &mut Tx) -> Result<(), StoreError> {
    let mut after = 0_i64;
    loop {
        let rows = sql::query(
            "SELECT rowid, record FROM decisions WHERE rowid > ? ORDER BY rowid LIMIT ?",
        )
        .bind(after)
        .bind(FILL)
        .fetch_all(&mut **tx)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.try_get(0)?;
        let mut turns: Vec<(i64, String)> = Vec::new();
        for row in &rows {
            match record::decode_decision(row.try_get(1)?) {
                Ok(decision) => {
                    let turn = Turn::of(&decision).map(|turn| record::encode_turn(&turn));
                    turns.extend(row.try_get(0).ok().zip(turn));
                }
                Err(error) => tracing::error!(%error, "a decision is left out of its session"),
            }
        }
        // Strings and integers always serialise.
        let turns = serde_json::to_string(&turns).unwrap_or_default();
        sql::query(
            "UPDATE decisions SET turn = given.value->>1 FROM json_each(?) AS given
                WHERE decisions.rowid = given.value->>0",
        )
        .bind(turns)
        .execute(&mut **tx)
        .await?;
    }
}

/// Packs sums and credit. What cannot be read counts for nothing, as before.
pub(super) async fn packed(tx: &mut Tx) -> Result<(), StoreError> {
    sums(tx).await?;
    credit_of_decisions(tx).await?;
    credit_of_sessions(tx).await
}

/// A shape's day is written once for each slice that has cells of it, which are few.
async fn sums(tx: &mut Tx) -> Result<(), StoreError> {
    let mut after: Option<Row> = None;
    loop {
        let query = sql::query(
            "SELECT tenant, shape, arm, source, day, n, sum, sumsq FROM buckets
                WHERE (tenant, shape, arm, source, day) > (?, ?, ?, ?, ?)
                ORDER BY tenant, shape, arm, source, day LIMIT ?",
        );
        let text = |column| {
            after
                .as_ref()
                .map_or(Ok(String::new()), |r| r.try_get(column))
        };
        let number = |column| after.as_ref().map_or(Ok(0_i64), |r| r.try_get(column));
        let query = query.bind(text(0)?).bind(text(1)?).bind(text(2)?);
        let query = query.bind(number(3)?).bind(number(4)?).bind(FILL);
        let mut rows = query.fetch_all(&mut **tx).await?;
        let mut deltas = Deltas::default();
        for row in &rows {
            match cell_and_sums(row) {
                Ok((cell, sums)) => {
                    deltas.add_cell(&tenant_id(row.try_get(0)?)?, &cell, sums);
                }
                Err(error) => tracing::error!(%error, "sums are left out"),
            }
        }
        buckets::fold(tx, &mut deltas).await?;
        let Some(last) = rows.pop() else {
            return Ok(());
        };
        after = Some(last);
    }
}

fn cell_and_sums(row: &Row) -> Result<(Cell, Sums), StoreError> {
    let cell = Cell {
        shape: row.try_get(1)?,
        arm: row.try_get(2)?,
        source: packed::source(row.try_get(3)?)?,
        day: row.try_get(4)?,
    };
    let sums = Sums {
        n: row.try_get(5)?,
        sum: row.try_get(6)?,
        sumsq: row.try_get(7)?,
    };
    Ok((cell, sums))
}

async fn credit_of_decisions(tx: &mut Tx) -> Result<(), StoreError> {
    let mut after = 0_i64;
    loop {
        let rows = sql::query(
            "SELECT rowid, credit FROM decisions WHERE rowid > ? AND credit IS NOT NULL ORDER BY rowid LIMIT ?",
        )
        .bind(after)
        .bind(FILL)
        .fetch_all(&mut **tx)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.try_get(0)?;
        for row in &rows {
            if let Some(credit) = packed_credit(row.try_get(1)?) {
                let query = sql::query("UPDATE decisions SET packed = ? WHERE rowid = ?");
                let id: i64 = row.try_get(0)?;
                query.bind(credit).bind(id).execute(&mut **tx).await?;
            }
        }
    }
}

async fn credit_of_sessions(tx: &mut Tx) -> Result<(), StoreError> {
    let mut after = (String::new(), String::new());
    loop {
        let rows = sql::query(
            "SELECT tenant, unit, credit FROM sessions WHERE (tenant, unit) > (?, ?) ORDER BY tenant, unit LIMIT ?",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(FILL)
        .fetch_all(&mut **tx)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = (last.try_get(0)?, last.try_get(1)?);
        for row in &rows {
            let (tenant, unit): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let credit = packed_credit(row.try_get(2)?).unwrap_or_default();
            let query = sql::query("UPDATE sessions SET packed = ? WHERE tenant = ? AND unit = ?");
            query
                .bind(credit)
                .bind(tenant)
                .bind(unit)
                .execute(&mut **tx)
                .await?;
        }
    }
}

/// What a candidate's scores in a shape of a tenant were so far.
type Scores = HashMap<(TenantId, ShapeKey, CandidateKey), Sums>;

/// Tells the drift monitors what was usual so far. A candidate whose alarm is kept proves itself once more.
pub(super) async fn drift(tx: &mut Tx) -> Result<(), StoreError> {
    buckets::settle_all(tx).await?;
    let mut state = State::default();
    let alarms = sql::query("SELECT tenant, candidate FROM alarms")
        .fetch_all(&mut **tx)
        .await?;
    for row in &alarms {
        let Ok(key) = CandidateKey::parse(row.try_get(1)?) else {
            continue;
        };
        let own = Own {
            unproven: PROOF,
            ..Own::default()
        };
        let tenant = tenant_id(row.try_get(0)?)?;
        state.own.kept.push(((tenant, key), own));
    }
    let usual = |(key, seen): (_, Sums)| {
        let moments = seen.moments();
        let held = Reference {
            n: moments.n,
            mean: moments.mean().unwrap_or_default(),
            variance: moments.variance(),
        };
        (key, Usual { held, seen })
    };
    state.usual.kept = scores(tx).await?.into_iter().map(usual).collect();
    drift::save(tx, &state).await
}

async fn scores(tx: &mut Tx) -> Result<Scores, StoreError> {
    let mut scores = Scores::new();
    let mut after = 0_i64;
    loop {
        let rows =
            sql::query("SELECT id, tenant, cells FROM day_sums WHERE id > ? ORDER BY id LIMIT ?")
                .bind(after)
                .bind(FILL)
                .fetch_all(&mut **tx)
                .await?;
        let Some(last) = rows.last() else {
            return Ok(scores);
        };
        after = last.try_get(0)?;
        for row in &rows {
            let tenant = tenant_id(row.try_get(1)?)?;
            match packed::unpack_credit(row.try_get(2)?) {
                Ok(cells) => add_scores(&mut scores, &tenant, cells),
                Err(error) => tracing::error!(%error, %tenant, "sums are left out"),
            }
        }
    }
}

fn add_scores(scores: &mut Scores, tenant: &TenantId, cells: Credit) {
    let scored = |(cell, _): &(Cell, Sums)| cell.source == Source::Auto;
    for (cell, sums) in cells.into_iter().filter(scored) {
        let key = ShapeKey::named(&cell.shape).zip(CandidateKey::parse(&cell.arm).ok());
        if let Some((shape, arm)) = key {
            *scores.entry((tenant.clone(), shape, arm)).or_default() += sums;
        }
    }
}

/// One entry of credit as it was stored: shape, arm, source, day and the three sums.
type Entry = (String, String, i64, i64, [i64; 3]);

fn packed_credit(text: &str) -> Option<Vec<u8>> {
    let cell = |(shape, arm, code, day, [n, sum, sumsq]): Entry| {
        let cell = Cell {
            shape,
            arm,
            source: packed::source(code)?,
            day,
        };
        Ok((cell, Sums { n, sum, sumsq }))
    };
    let entries = serde_json::from_str::<Vec<Entry>>(text);
    let credit = entries
        .map_err(|e| StoreError::corrupt("credit", e))
        .and_then(|entries| entries.into_iter().map(cell).collect::<Result<Credit, _>>());
    match credit {
        Ok(credit) => Some(packed::pack_credit(&credit)),
        Err(error) => {
            tracing::error!(%error, "credit is left out");
            None
        }
    }
}

/// Adds up what the calls and ratings that are there used. What cannot be read counts for nothing.
pub(super) async fn usage(tx: &mut Tx) -> Result<(), StoreError> {
    let mut after = 0_i64;
    loop {
        let rows = sql::query("SELECT id, record FROM decisions WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after)
            .bind(FILL)
            .fetch_all(&mut **tx)
            .await?;
        let Some(last) = rows.last() else {
            return usage_of_ratings(tx).await;
        };
        after = last.try_get(0)?;
        let mut used = Used::default();
        for row in &rows {
            match record::decode_decision_in_short(row.try_get(1)?) {
                Ok(decision) => add_decision(&mut used, &decision),
                Err(error) => tracing::error!(%error, "a decision is left out of what was used"),
            }
        }
        used.apply(tx).await?;
    }
}

async fn usage_of_ratings(tx: &mut Tx) -> Result<(), StoreError> {
    let rows = sql::query(
        "SELECT tenant, min(rated_ms) FROM ratings WHERE retracted = 0 GROUP BY tenant, kind, subject",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut used = Used::default();
    for row in &rows {
        let (tenant, rated_ms): (_, i64) = (tenant_id(row.try_get(0)?)?, row.try_get(1)?);
        replace_rating(&mut used, &tenant, (None, Some(to_u64(rated_ms))));
    }
    used.apply(tx).await
}
