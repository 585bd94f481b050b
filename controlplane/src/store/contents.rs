//! What was said in sessions: every message of a session once, and of each call which of them it had.
//!
//! A conversation of n turns sends its history n times. Here a message has a number within its session, and a call is
//! the runs of numbers that it consists of, mostly one.

pub(crate) mod deleted;
pub(crate) mod old;
pub(crate) mod packed;

use std::collections::{BTreeSet, HashMap};

use floopy_shared::domain::{
    event::Content,
    ids::{RequestId, TenantId},
};
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};

use self::packed::{pack_body, pack_runs, unpack_body, unpack_runs};
use super::{StoreError, Tx, request_id, statements, to_i64, to_u64};
use crate::store::sql::{self, Conn, QueryBuilder, Row};

/// Of a session. Above it what it held goes, and it begins anew with what the next call says: callers
/// send the whole conversation again.
const MAX_SESSION_BYTES: i64 = 8 << 20;

/// Calls of one session that are read back; the newest of them.
const MAX_TURNS: i64 = 1_000;

/// Messages of all calls that are read back together, the same one in several counted each time: once they are reached,
/// older calls are left out. A session that is told in full each time has 100 calls of 1,000 messages.
const MAX_NUMBERS: usize = 100_000;

/// Sessions removed per transaction at most.
const SLICE: i64 = 50;

/// Bytes of a message's hash: as many as no two of a session share by chance or on purpose.
const HASH_BYTES: usize = 16;

/// A message in one canonical form.
#[derive(Clone, PartialEq, Eq)]
struct Said {
    hash: [u8; HASH_BYTES],
    body: String,
}

/// What was said in a call, ready to be stored.
pub(crate) struct Turn {
    request: RequestId,
    tenant: TenantId,
    session: String,
    created_ms: u64,
    candidate: String,
    truncated: bool,
    /// The last of them is the reply, where there is one.
    messages: Vec<Said>,
    has_reply: bool,
}

impl Turn {
    /// Reads what came; the reason where it cannot be stored.
    pub(crate) fn of(content: &Content) -> Result<Self, String> {
        let read: Vec<Map<String, Value>> = serde_json::from_str(&content.messages)
            .map_err(|_| "messages are no array of objects".to_owned())?;
        let mut messages: Vec<Said> = read.into_iter().map(said).collect();
        if let Some(reply) = &content.reply {
            let mut message = Map::new();
            message.insert("role".to_owned(), "assistant".into());
            message.insert("content".to_owned(), reply.as_str().into());
            messages.push(said(message));
        }
        Ok(Self {
            request: content.request_id,
            tenant: content.tenant.clone(),
            session: content.session_id.to_string(),
            created_ms: content.created_at_ms,
            candidate: content.candidate.to_string(),
            truncated: content.truncated,
            messages,
            has_reply: content.reply.is_some(),
        })
    }
}

/// The same whether it comes as a reply or in the next request: clients send replies back with their empty fields.
fn said(mut message: Map<String, Value>) -> Said {
    message.retain(|_, value| !value.is_null() && *value != Value::Array(Vec::new()));
    let body = Value::Object(message).to_string();
    let digest = Sha256::digest(&body);
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&digest[..HASH_BYTES]);
    Said { hash, body }
}

/// A session that is written to.
struct Open {
    id: i64,
    bytes: i64,
}

/// Stores what was said in a call; whether that is new. Of a session that was deleted only later calls are kept.
pub(crate) async fn put(tx: &mut Tx, turn: &Turn) -> Result<bool, StoreError> {
    let known = sql::query("SELECT 1 FROM content_turns WHERE request_id = ?")
        .bind(turn.request.0.as_bytes().as_slice())
        .fetch_optional(&mut **tx)
        .await?;
    if known.is_some() {
        return Ok(false);
    }
    let Some(mut session) = open(tx, turn).await? else {
        return Ok(false);
    };
    let mut numbers = numbers_of(tx, session.id, &turn.messages).await?;
    let mut new = unknown(&turn.messages, &numbers);
    if session.bytes + length_of(&new) > MAX_SESSION_BYTES {
        empty(tx, &[session.id]).await?;
        (session.bytes, numbers) = (0, HashMap::new());
        new = unknown(&turn.messages, &numbers);
    }
    session.bytes += length_of(&new);
    add_messages(tx, session.id, new, &mut numbers).await?;
    add_turn(tx, &session, (turn, &numbers)).await?;
    Ok(true)
}

/// As callers are told it: however well something is compressed, reading it back must not take any memory.
fn length_of(new: &[(&Said, Vec<u8>)]) -> i64 {
    let length = new.iter().map(|(said, _)| said.body.len()).sum::<usize>();
    to_i64(length as u64)
}

/// `None`: what the call said was deleted before it came.
async fn open(tx: &mut Tx, turn: &Turn) -> Result<Option<Open>, StoreError> {
    let row = sql::query(
        "INSERT INTO content_sessions (tenant, session, touched_ms, deleted_ms, bytes) VALUES (?1, ?2, ?3, -1, 0)
         ON CONFLICT (tenant, session) DO UPDATE SET touched_ms = CASE
            WHEN excluded.touched_ms > content_sessions.touched_ms THEN excluded.touched_ms
            ELSE content_sessions.touched_ms END
         RETURNING id, deleted_ms, bytes",
    )
    .bind(turn.tenant.as_str())
    .bind(&turn.session)
    .bind(to_i64(turn.created_ms))
    .fetch_one(&mut **tx)
    .await?;
    let (id, bytes) = (row.try_get(0)?, row.try_get(2)?);
    let deleted_ms: i64 = row.try_get(1)?;
    Ok((to_i64(turn.created_ms) > deleted_ms).then_some(Open { id, bytes }))
}

/// The numbers of those messages that the session has.
async fn numbers_of(
    tx: &mut Tx,
    session: i64,
    messages: &[Said],
) -> Result<HashMap<[u8; HASH_BYTES], i64>, StoreError> {
    let hashes: Vec<String> = messages.iter().map(|said| hex::encode(said.hash)).collect();
    let rows = sql::query(
        "SELECT hash, number FROM content_messages WHERE session = ?
            AND hash IN (SELECT unhex(value) FROM json_each(?))",
    )
    .bind(session)
    // Strings always serialise.
    .bind(serde_json::to_string(&hashes).unwrap_or_default())
    .fetch_all(&mut **tx)
    .await?;
    let mut numbers = HashMap::with_capacity(rows.len());
    for row in &rows {
        let hash: &[u8] = row.try_get(0)?;
        let hash = <[u8; HASH_BYTES]>::try_from(hash)
            .map_err(|e| StoreError::corrupt("hash of a message", e))?;
        numbers.insert(hash, row.try_get(1)?);
    }
    Ok(numbers)
}

/// Messages that have no number yet, each once, as they are kept.
fn unknown<'a>(
    messages: &'a [Said],
    numbers: &HashMap<[u8; HASH_BYTES], i64>,
) -> Vec<(&'a Said, Vec<u8>)> {
    let mut seen = BTreeSet::new();
    let new = messages
        .iter()
        .filter(|said| !numbers.contains_key(&said.hash) && seen.insert(said.hash));
    new.map(|said| (said, pack_body(&said.body))).collect()
}

/// Gives new messages their numbers.
async fn add_messages(
    tx: &mut Tx,
    session: i64,
    new: Vec<(&Said, Vec<u8>)>,
    numbers: &mut HashMap<[u8; HASH_BYTES], i64>,
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let next = "SELECT COALESCE(MAX(number) + 1, 0) FROM content_messages WHERE session = ?";
    let next: i64 = sql::query_scalar(next)
        .bind(session)
        .fetch_one(&mut **tx)
        .await?;
    let numbered: Vec<(i64, &Said, Vec<u8>)> = (next..)
        .zip(new)
        .map(|(number, (said, body))| (number, said, body))
        .collect();
    for rows in statements(&numbered) {
        let mut query =
            QueryBuilder::new("INSERT INTO content_messages (session, number, hash, body) ");
        query.push_values(rows, |mut row, (number, said, body)| {
            row.push_bind(session)
                .push_bind(*number)
                .push_bind(said.hash.as_slice())
                .push_bind(body.as_slice());
        });
        query.build().execute(&mut **tx).await?;
    }
    numbers.extend(
        numbered
            .iter()
            .map(|(number, said, _)| (said.hash, *number)),
    );
    Ok(())
}

async fn add_turn(
    tx: &mut Tx,
    session: &Open,
    (turn, numbers): (&Turn, &HashMap<[u8; HASH_BYTES], i64>),
) -> Result<(), StoreError> {
    let messages = turn.messages.iter();
    let numbers: Vec<u64> = messages
        .filter_map(|said| numbers.get(&said.hash).map(|number| to_u64(*number)))
        .collect();
    sql::query(
        "INSERT INTO content_turns (request_id, session, created_ms, candidate, messages, has_reply, truncated)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(turn.request.0.as_bytes().as_slice())
    .bind(session.id)
    .bind(to_i64(turn.created_ms))
    .bind(&turn.candidate)
    .bind(pack_runs(&numbers))
    .bind(turn.has_reply)
    .bind(turn.truncated)
    .execute(&mut **tx)
    .await?;
    sql::query("UPDATE content_sessions SET bytes = ? WHERE id = ?")
        .bind(session.bytes)
        .bind(session.id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A call of a session as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredTurn {
    pub(crate) request: RequestId,
    pub(crate) created_ms: u64,
    pub(crate) candidate: String,
    /// The numbers of its messages; the last is its reply, where it has one.
    pub(crate) messages: Vec<u64>,
    pub(crate) has_reply: bool,
    pub(crate) truncated: bool,
}

/// A session as it is read back. Not `Debug`: it is content.
pub(crate) struct StoredSession {
    /// The oldest first.
    pub(crate) turns: Vec<StoredTurn>,
    /// By their numbers.
    pub(crate) messages: HashMap<u64, Box<RawValue>>,
    /// Older calls were left out for their messages.
    pub(crate) is_cut: bool,
}

/// What a session said, if anything is kept of it.
pub(crate) async fn get(
    conn: &mut Conn,
    tenant: &TenantId,
    session: &str,
) -> Result<Option<StoredSession>, StoreError> {
    let Some(id) = find(conn, tenant, session).await? else {
        return Ok(None);
    };
    let rows = sql::query(
        "SELECT request_id, created_ms, candidate, messages, has_reply, truncated FROM content_turns
         WHERE session = ? ORDER BY created_ms DESC, request_id DESC LIMIT ?",
    )
    .bind(id)
    .bind(MAX_TURNS)
    .fetch_all(&mut *conn)
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let turns = newest(&rows)?;
    let is_cut = turns.len() < rows.len();
    let rows = sql::query("SELECT number, body FROM content_messages WHERE session = ?")
        .bind(id)
        .fetch_all(&mut *conn)
        .await?;
    let mut messages = HashMap::with_capacity(rows.len());
    for row in &rows {
        messages.insert(to_u64(row.try_get(0)?), unpack_body(row.try_get(1)?)?);
    }
    Ok(Some(StoredSession {
        turns,
        messages,
        is_cut,
    }))
}

/// Of calls, the newest first, as many as may be read back; the oldest first.
fn newest(rows: &[Row]) -> Result<Vec<StoredTurn>, StoreError> {
    let (mut turns, mut numbers) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        let turn = StoredTurn {
            request: request_id(row.try_get(0)?)?,
            created_ms: to_u64(row.try_get(1)?),
            candidate: row.try_get(2)?,
            messages: unpack_runs(row.try_get(3)?)?,
            has_reply: row.try_get(4)?,
            truncated: row.try_get(5)?,
        };
        numbers += turn.messages.len();
        turns.push(turn);
        if numbers >= MAX_NUMBERS {
            break;
        }
    }
    turns.reverse();
    Ok(turns)
}

/// The session, unless its tenant keeps no content any more.
async fn find(
    conn: &mut Conn,
    tenant: &TenantId,
    session: &str,
) -> Result<Option<i64>, StoreError> {
    let query = "SELECT s.id FROM content_sessions s JOIN tenants t ON t.id = s.tenant
        WHERE s.tenant = ? AND s.session = ? AND t.zero_retention = 0";
    let query = sql::query_scalar(query).bind(tenant.as_str()).bind(session);
    Ok(query.fetch_optional(conn).await?)
}

/// Takes away all that these sessions hold; how many calls that was.
pub(super) async fn empty(tx: &mut Tx, sessions: &[i64]) -> Result<u64, StoreError> {
    // Integers always serialise.
    let ids = serde_json::to_string(sessions).unwrap_or_default();
    let mut gone = 0;
    for table in ["content_messages", "content_turns"] {
        let text = format!(
            "DELETE FROM {table} WHERE session IN (SELECT CAST(value AS INTEGER) FROM json_each(?))"
        );
        let done = sql::query(&text).bind(&ids).execute(&mut **tx).await?;
        gone = done.rows_affected();
    }
    Ok(gone)
}
