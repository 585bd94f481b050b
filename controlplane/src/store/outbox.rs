//! Decisions that wait to be sent to the decision log, where that is not this store.
//!
//! An entry names the row of a decision that was written; what is sent is what the row has then. The store is never
//! kept waiting: where more wait than may, the entries that there is no room for become a mark, from which on all rows
//! are entered again, in their order, once the log takes some. So nothing is lost as long as the store has it.

use std::collections::HashMap;

use floopy_shared::domain::decision::Decision;

use super::{Store, StoreError, Tx, meta, record};
use crate::store::sql::{self, Conn, Row};

/// The row from which on all are entered again.
const MARK: &str = "log_outbox_from";
/// The log that the entries are for.
const LOG: &str = "log_outbox_for";
/// Rows that are entered again at a time.
const REFILL: i64 = 20_000;

/// How many entries there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbox {
    pub(crate) rows: i64,
}

/// What there is besides the entries.
struct State {
    mark: Option<i64>,
    entries: i64,
}

async fn state(conn: &mut Conn) -> Result<State, StoreError> {
    let row = sql::query(
        "SELECT (SELECT value FROM meta WHERE name = ?), ifnull((SELECT max(change) FROM log_outbox)
            - (SELECT min(change) FROM log_outbox) + 1, 0)",
    )
    .bind(MARK)
    .fetch_one(conn)
    .await?;
    let mark: Option<Vec<u8>> = row.try_get(0)?;
    Ok(State {
        mark: mark.map(|text| number(&text)).transpose()?,
        entries: row.try_get(1)?,
    })
}

fn number(text: &[u8]) -> Result<i64, StoreError> {
    let text = String::from_utf8_lossy(text);
    let number = text.parse();
    number.map_err(|e| StoreError::corrupt("mark of the outbox", e))
}

async fn put_mark(tx: &mut Tx, mark: i64) -> Result<(), StoreError> {
    meta::put(tx, MARK, mark.to_string().as_bytes()).await
}

impl Outbox {
    /// Enters rows that were written.
    pub(crate) async fn note(self, tx: &mut Tx, rows: &[i64]) -> Result<(), StoreError> {
        let state = state(tx).await?;
        // Those from the mark on are entered later, so that the log gets them in their order.
        let is_before = |row: &&i64| state.mark.is_none_or(|mark| **row < mark);
        let rows: Vec<i64> = rows.iter().filter(is_before).copied().collect();
        let Some(first) = rows.iter().min() else {
            return Ok(());
        };
        let room = usize::try_from(self.rows.saturating_sub(state.entries)).unwrap_or(0);
        if rows.len() > room {
            return put_mark(tx, *first).await;
        }
        enter(tx, &rows).await
    }
}

async fn enter(tx: &mut Tx, rows: &[i64]) -> Result<(), StoreError> {
    // Integers always serialise.
    let rows = serde_json::to_string(rows).unwrap_or_default();
    sql::query("INSERT INTO log_outbox (decision) SELECT CAST(value AS INTEGER) FROM json_each(?)")
        .bind(rows)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Decisions to be sent.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) decisions: Vec<Sent>,
    /// The last entry, and the rows of all.
    last: i64,
    rows: Vec<i64>,
}

/// A decision that is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) change: i64,
    /// Its row.
    pub(crate) number: i64,
    /// Without the candidates that it considered.
    pub(crate) decision: Decision,
    /// All of it.
    pub(crate) record: Vec<u8>,
}

impl Waiting {
    /// Whether there was no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The first entries, `limit` at most. Of a row that was entered twice the last entry counts, and what was forgotten
/// since is not sent.
pub(crate) async fn waiting(store: &Store, limit: u32) -> Result<Waiting, StoreError> {
    let rows = sql::query(
        "SELECT o.change, o.decision, d.record, c.bytes
         FROM (SELECT change, decision FROM log_outbox ORDER BY change LIMIT ?) AS o
         LEFT JOIN decisions AS d ON d.id = o.decision LEFT JOIN candidates AS c ON c.id = o.decision
         ORDER BY o.change",
    )
    .bind(limit)
    .fetch_all(store.read())
    .await?;
    let read = tokio::task::spawn_blocking(move || of_rows(&rows)).await;
    read.map_err(|e| StoreError::corrupt("outbox", e))?
}

fn of_rows(rows: &[Row]) -> Result<Waiting, StoreError> {
    let mut waiting = Waiting::default();
    let mut last = HashMap::with_capacity(rows.len());
    for row in rows {
        waiting.last = row.try_get(0)?;
        waiting.rows.push(row.try_get(1)?);
        last.insert(row.try_get::<i64>(1)?, waiting.last);
    }
    for row in rows {
        let (change, number): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let Some(short) = row.try_get::<Option<&[u8]>>(2)? else {
            continue;
        };
        if last.get(&number) != Some(&change) {
            continue;
        }
        let candidates: Option<&[u8]> = row.try_get(3)?;
        waiting.decisions.push(Sent {
            change,
            number,
            decision: record::decode_decision_in_short(short)?,
            record: [short, candidates.unwrap_or_default()].concat(),
        });
    }
    Ok(waiting)
}

/// The log took these: their entries go, and with them the candidates that they considered, which are most of their
/// bytes and only looked at in the log.
pub(crate) async fn taken(tx: &mut Tx, waiting: &Waiting) -> Result<(), StoreError> {
    sql::query("DELETE FROM log_outbox WHERE change <= ?")
        .bind(waiting.last)
        .execute(&mut **tx)
        .await?;
    // Integers always serialise.
    let rows = serde_json::to_string(&waiting.rows).unwrap_or_default();
    sql::query(
        "DELETE FROM candidates WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))
            AND NOT EXISTS (SELECT 1 FROM log_outbox AS o WHERE o.decision = candidates.id)",
    )
    .bind(rows)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Enters the next rows behind the mark again; whether there were any.
pub(crate) async fn refill(store: &Store) -> Result<bool, StoreError> {
    if mark(store).await?.is_none() {
        return Ok(false);
    }
    let mut tx = store.write().await?;
    let Some(mark) = state(&mut tx).await?.mark else {
        return Ok(false);
    };
    let rows: Vec<i64> =
        sql::query_scalar("SELECT id FROM decisions WHERE id >= ? ORDER BY id LIMIT ?")
            .bind(mark)
            .bind(REFILL)
            .fetch_all(&mut *tx)
            .await?;
    enter(&mut tx, &rows).await?;
    match rows.last() {
        Some(last) => put_mark(&mut tx, last + 1).await?,
        None => {
            let all = sql::query("DELETE FROM meta WHERE name = ?").bind(MARK);
            all.execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(!rows.is_empty())
}

/// The entries are for this log from now on. Where they were for another, all that the store has is entered again.
pub(crate) async fn is_for(store: &Store, log: &str) -> Result<(), StoreError> {
    let held: Option<Vec<u8>> = sql::query_scalar("SELECT value FROM meta WHERE name = ?")
        .bind(LOG)
        .fetch_optional(store.read())
        .await?;
    if held.is_some_and(|held| held == log.as_bytes()) {
        return Ok(());
    }
    let mut tx = store.write().await?;
    meta::put(&mut tx, LOG, log.as_bytes()).await?;
    sql::query("DELETE FROM log_outbox")
        .execute(&mut *tx)
        .await?;
    put_mark(&mut tx, 0).await?;
    Ok(tx.commit().await?)
}

async fn mark(store: &Store) -> Result<Option<i64>, StoreError> {
    let mut conn = store.read().acquire().await?;
    Ok(state(&mut conn).await?.mark)
}

/// How many entries there are; those behind a mark are not among them.
pub(crate) async fn entries(store: &Store) -> Result<i64, StoreError> {
    let mut conn = store.read().acquire().await?;
    Ok(state(&mut conn).await?.entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::*, ingest::Intake};

    async fn intake_with(rows: i64) -> Intake {
        Intake {
            outbox: Some(Outbox { rows }),
            ..intake().await
        }
    }

    async fn add(intake: &Intake, numbers: impl IntoIterator<Item = u64>) {
        let events = numbers.into_iter().map(|n| decided(n, decision(n)));
        append(intake, events.collect()).await;
    }

    /// What is sent when the log takes everything, `limit` at a time.
    async fn drain(store: &Store, limit: u32) -> Vec<u64> {
        let mut sent = Vec::new();
        loop {
            let waiting = waiting(store, limit).await.expect("reads");
            if waiting.is_empty() {
                if !refill(store).await.expect("refills") {
                    return sent;
                }
                continue;
            }
            let ids = waiting.decisions.iter().map(|d| d.decision.request_id);
            let number = |id: floopy_shared::domain::ids::RequestId| {
                (0..100).find(|n| request(*n) == id).expect("one of ours")
            };
            sent.extend(ids.map(number));
            let mut tx = store.write().await.expect("writes");
            taken(&mut tx, &waiting).await.expect("taken");
            tx.commit().await.expect("commits");
        }
    }

    #[tokio::test]
    async fn what_was_written_is_sent_once_in_its_order_and_again_after_a_change() {
        let intake = intake_with(100).await;
        add(&intake, [3, 1]).await;
        add(&intake, [2]).await;
        let mut again = decision(3);
        again.outcome.latency_ms = 9;
        append(&intake, vec![decided(90, again)]).await;
        let first = waiting(&intake.store, 100).await.expect("reads");
        let changes: Vec<i64> = first.decisions.iter().map(|d| d.change).collect();
        assert_eq!(changes, [1, 3, 4], "the first entry of 3 is superseded");
        let mut sent = drain(&intake.store, 100).await;
        sent.sort_unstable();
        assert_eq!(sent, [1, 2, 3]);
        assert!(drain(&intake.store, 100).await.is_empty());
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_found_again_in_the_store() {
        let intake = intake_with(4).await;
        for n in 1..=9 {
            add(&intake, [n]).await;
        }
        assert_eq!(entries(&intake.store).await.expect("counts"), 4);
        assert_eq!(
            drain(&intake.store, 3).await,
            (1..=9).collect::<Vec<u64>>(),
            "in their order"
        );
        add(&intake, [10]).await;
        assert_eq!(drain(&intake.store, 3).await, [10]);
    }

    #[tokio::test]
    async fn another_log_gets_everything() {
        let intake = intake_with(100).await;
        let store = &intake.store;
        is_for(store, "a").await.expect("kept");
        add(&intake, [1, 2]).await;
        assert_eq!(drain(store, 100).await, [1, 2]);
        is_for(store, "a").await.expect("kept");
        assert!(drain(store, 100).await.is_empty());
        is_for(store, "b").await.expect("kept");
        add(&intake, [3]).await;
        assert_eq!(drain(store, 100).await, [1, 2, 3]);
    }

    #[tokio::test]
    async fn candidates_stay_until_the_log_has_the_last_change() {
        let intake = intake_with(100).await;
        add(&intake, [1]).await;
        let before = waiting(&intake.store, 100).await.expect("reads");
        let mut again = decision(1);
        again.outcome.latency_ms = 9;
        append(&intake, vec![decided(90, again)]).await;
        let mut tx = intake.store.write().await.expect("writes");
        taken(&mut tx, &before).await.expect("taken");
        tx.commit().await.expect("commits");
        let left = waiting(&intake.store, 100).await.expect("reads");
        let [sent] = &left.decisions[..] else {
            panic!("one is left: {left:?}");
        };
        let whole = record::decode_decision(&sent.record).expect("a record");
        assert_eq!((whole.candidates.len(), whole.outcome.latency_ms), (2, 9));
        assert_eq!(drain(&intake.store, 100).await, [1]);
        let kept = sql::query_scalar::<i64>("SELECT count(*) FROM candidates");
        let kept = kept.fetch_one(intake.store.read()).await.expect("counts");
        assert_eq!(kept, 0);
    }
}
