//! Which of several control planes on one database leads: a lock that a connection of its own holds, and a statement
//! every second that shows that whoever holds it still runs.
//!
//! The lock only says whose turn it is. What keeps books right is the epoch: whoever takes over counts it up, and the
//! database refuses the writes of every earlier one.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sqlx::{Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{OWN_ROW, OWN_TABLE, Own, SCHEMA_LOCK};
use crate::store::{StoreError, schema, sql::unanswered};

/// How long a control plane waits for the one before it to be gone: its connection may outlive its process a little.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks, where it does not wait long.
const LOOK: Duration = Duration::from_millis(20);
/// How often one that stands by looks.
const STAND_BY: Duration = Duration::from_millis(200);
/// Between two signs of life, and between two looks for them.
const BEAT: Duration = Duration::from_secs(1);
/// Looks in a row that found no sign of life: whoever holds the lock is stuck.
const STUCK: u32 = 6;
/// For a statement of this file, and for a connection.
const DEADLINE: Duration = Duration::from_secs(5);
/// For a sign of life: whoever leads keeps its lock while the database hangs for a moment, as nobody else gets it then.
const HELD: Duration = Duration::from_secs(30);
/// The advisory lock of the control plane that leads.
const LOCK: &str = "hashtextextended('floopy writer ' || current_schema(), 0)";
/// By which the connections that write are known.
const WRITER: &str = "left('floopy writer ' || current_schema(), 63)";
/// Lets the server notice within some six seconds that the machine at the other end is gone.
const KEPT_ALIVE: &str =
    "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3";

/// Whether another control plane leads.
pub(super) async fn is_taken(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = connect(options).await?;
    Ok(sign(&mut connection).await?.is_some())
}

/// Takes the lock if whoever holds it is gone soon; else `None`.
pub(super) async fn soon(options: &PgConnectOptions) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = connect(options).await?;
    let deadline = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        if try_lock(&mut connection).await? {
            return Ok(Some(connection));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        if !std::mem::replace(&mut is_told, true) {
            tracing::info!("waiting for another control plane to leave the database");
        }
        sleep(LOOK).await;
    }
}

/// Waits for the lock however long another one leads.
pub(super) async fn in_turn(options: &PgConnectOptions) -> PgConnection {
    let mut is_told = false;
    loop {
        match stand_by(options, &mut is_told).await {
            Ok(connection) => return connection,
            Err(error) => {
                tracing::warn!(%error, "standing by: the database does not answer");
                sleep(BEAT).await;
            }
        }
    }
}

async fn stand_by(
    options: &PgConnectOptions,
    is_told: &mut bool,
) -> Result<PgConnection, sqlx::Error> {
    let mut connection = connect(options).await?;
    let mut holder = Holder::default();
    let mut looked = Instant::now();
    while !try_lock(&mut connection).await? {
        if !std::mem::replace(is_told, true) {
            tracing::info!("standing by: another control plane leads");
        }
        if looked.elapsed() >= BEAT {
            looked = Instant::now();
            if let Some(pid) = holder.is_stuck(sign(&mut connection).await?) {
                tracing::warn!(pid, "the control plane that leads is stuck: it is replaced");
                end(&mut connection, &format!("pid = {pid}")).await?;
            }
        }
        sleep(STAND_BY).await;
    }
    Ok(connection)
}

/// What was seen of the control plane that leads.
#[derive(Debug, Default)]
struct Holder {
    /// Its connection, and when it last said something.
    sign: Option<(i32, String)>,
    /// Looks since then.
    looks: u32,
}

impl Holder {
    /// The number of its connection, if it has said nothing for too long. Looks count and not time: whoever slept
    /// itself knows nothing of others.
    fn is_stuck(&mut self, sign: Option<(i32, String)>) -> Option<i32> {
        if sign.is_none() || sign != self.sign {
            self.sign = sign;
            self.looks = 0;
            return None;
        }
        self.looks += 1;
        let (pid, _) = self.sign.as_ref()?;
        (self.looks >= STUCK).then_some(*pid)
    }
}

/// The last sign of life of whoever holds the lock.
async fn sign(connection: &mut PgConnection) -> Result<Option<(i32, String)>, sqlx::Error> {
    let text = format!(
        "SELECT l.pid, CAST(a.query_start AS TEXT) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.query_start IS NOT NULL
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((CAST(CAST(l.classid AS TEXT) AS BIGINT) << 32) | CAST(CAST(l.objid AS TEXT) AS BIGINT)) = {LOCK}"
    );
    let row = within(connection.fetch_optional(text.as_str())).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose()
}

/// Ends other connections of ours.
async fn end(connection: &mut PgConnection, which: &str) -> Result<(), sqlx::Error> {
    let text = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which} AND usename = current_user
            AND datname = current_database() AND pid <> pg_backend_pid()"
    );
    within(connection.execute(text.as_str())).await?;
    Ok(())
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = within(PgConnection::connect_with(options)).await?;
    within(connection.execute(KEPT_ALIVE)).await?;
    Ok(connection)
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let text = format!("SELECT pg_try_advisory_lock({LOCK})");
    within(connection.fetch_one(text.as_str()))
        .await?
        .try_get(0)
}

async fn within<T>(
    running: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let ran = timeout(DEADLINE, running).await;
    ran.unwrap_or_else(|_| Err(unanswered(DEADLINE)))
}

/// Makes a connection of the writer known as one.
pub(super) async fn name_writer(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let text = format!("SELECT set_config('application_name', {WRITER}, false)");
    connection.execute(text.as_str()).await?;
    Ok(())
}

/// From now on this control plane writes and no other; its epoch. A database of a newer version stays as it is.
pub(super) async fn take_over(connection: &mut PgConnection) -> Result<i64, StoreError> {
    // One that hangs in a write would be waited for.
    end(connection, &format!("application_name = {WRITER}")).await?;
    let mut tx = connection.begin().await?;
    let alone = format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})");
    tx.execute(alone.as_str()).await?;
    tx.execute(OWN_TABLE).await?;
    tx.execute(OWN_ROW).await?;
    let row = tx.fetch_one("SELECT version FROM floopy_store").await?;
    let (found, known): (i64, i64) = (row.try_get(0)?, schema::known());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let text = "UPDATE floopy_store SET epoch = epoch + 1, write = 0 RETURNING epoch";
    let epoch = tx.fetch_one(text).await?.try_get(0)?;
    tx.commit().await?;
    Ok(epoch)
}

/// The lock, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Lead {
    closed: CancellationToken,
    holding: TaskTracker,
}

impl Lead {
    /// Holds the lock from now on, by the connection that took it.
    pub(super) fn keep(held: (PgConnectOptions, PgConnection), own: &Arc<Own>) -> Self {
        let closed = CancellationToken::new();
        let holding = TaskTracker::new();
        holding.spawn(hold(held, Arc::clone(own), closed.clone()));
        holding.close();
        Self { closed, holding }
    }

    /// Lets it go.
    pub(super) async fn close(&self) {
        self.closed.cancel();
        self.holding.wait().await;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

/// Holds the lock, again after the connection broke, until another one takes over or this one closes the store.
async fn hold(
    (options, connection): (PgConnectOptions, PgConnection),
    own: Arc<Own>,
    closed: CancellationToken,
) {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut held = Some(connection);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = closed.cancelled() => break,
        }
        match look(&options, held.take()).await {
            Ok((connection, epoch)) if epoch == own.epoch.load(Ordering::Relaxed) => {
                held = Some(connection);
            }
            Ok(_) => return own.replaced.cancel(),
            Err(error) => tracing::debug!(%error, "the database does not answer its leader"),
        }
    }
    if let Some(connection) = held {
        // The lock goes with the connection, however that ends.
        let _ = within(connection.close()).await;
    }
}

/// Gives a sign of life, takes the lock again if it was lost, and reads who leads.
async fn look(
    options: &PgConnectOptions,
    held: Option<PgConnection>,
) -> Result<(PgConnection, i64), sqlx::Error> {
    let mut connection = match held {
        Some(connection) => connection,
        None => connect(options).await?,
    };
    let text = format!("SELECT epoch, pg_try_advisory_lock({LOCK}) FROM floopy_store");
    let row = timeout(HELD, connection.fetch_one(text.as_str())).await;
    let epoch = row.map_err(|_| unanswered(HELD))??.try_get(0)?;
    Ok((connection, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(pid: i32, at: &str) -> Option<(i32, String)> {
        Some((pid, at.to_owned()))
    }

    #[test]
    fn only_who_gives_no_sign_of_life_look_after_look_is_stuck() {
        let mut holder = Holder::default();
        for look in 0..STUCK {
            assert_eq!(holder.is_stuck(sign(7, "a")), None, "{look}");
        }
        // A sign, nobody at all, and another connection each begin anew.
        for seen in [sign(7, "b"), None, sign(7, "b"), sign(8, "b")] {
            assert_eq!(holder.is_stuck(seen.clone()), None, "{seen:?}");
        }
        for look in 1..STUCK {
            assert_eq!(holder.is_stuck(sign(8, "b")), None, "{look}");
        }
        assert_eq!(holder.is_stuck(sign(8, "b")), Some(8));
        assert_eq!(holder.is_stuck(None), None);
    }
}
