//! Whose jobs come next: every tenant's turn comes, however long the queue of another is.

use std::collections::VecDeque;

use floopy_shared::domain::ids::RequestId;

use crate::store::{
    StoreError, request_id,
    sql::{self, Conn},
    to_i64, to_u64,
};

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) jobs: u32,
    pub(crate) bytes: u64,
    /// The tenant that was served last.
    pub(crate) after: &'a str,
    /// Times that a job may have been handed out already, and not more.
    pub(crate) deliveries: u32,
    pub(crate) now_ms: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    pub(crate) requests: Vec<RequestId>,
    /// The tenant that was looked at last.
    pub(crate) last: Option<String>,
}

/// Finds jobs that nobody holds: of each tenant in turn its oldest, then the next ones.
pub(crate) async fn pick(conn: &mut Conn, wanted: &Wanted<'_>) -> Result<Picked, StoreError> {
    let tenants = in_turn(tenants(conn).await?, wanted.after);
    let jobs = wanted.jobs as usize;
    // With so many of each there are enough, if all have as many.
    let share = (jobs / tenants.len().max(1)).max(1);
    let (mut queues, mut enough, mut last) = (Vec::new(), 0, None);
    for tenant in tenants {
        let found = waiting(conn, &tenant, wanted).await?;
        enough += found.len().min(share);
        queues.push(found);
        last = Some(tenant);
        if enough >= jobs {
            break;
        }
    }
    let requests = interleave(queues, jobs, wanted.bytes);
    Ok(Picked { requests, last })
}

/// Tenants with jobs that are not dead, each found by one look at an index.
async fn tenants(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    let tenants = sql::query_scalar(
        "WITH RECURSIVE t (tenant) AS (SELECT MIN(tenant) FROM scoring_jobs WHERE dead_ms IS NULL
            UNION ALL SELECT (SELECT MIN(j.tenant) FROM scoring_jobs AS j WHERE j.dead_ms IS NULL AND j.tenant > t.tenant)
                FROM t WHERE t.tenant IS NOT NULL)
         SELECT tenant FROM t WHERE tenant IS NOT NULL",
    );
    Ok(tenants.fetch_all(conn).await?)
}

/// Those after one first.
fn in_turn(mut tenants: Vec<String>, after: &str) -> Vec<String> {
    let first = tenants.partition_point(|tenant| tenant.as_str() <= after);
    tenants.rotate_left(first);
    tenants
}

/// A job and its bytes.
type Sized = (RequestId, u64);

async fn waiting(
    conn: &mut Conn,
    tenant: &str,
    wanted: &Wanted<'_>,
) -> Result<VecDeque<Sized>, StoreError> {
    let rows = sql::query(
        "SELECT request_id, bytes FROM scoring_jobs WHERE tenant = ? AND dead_ms IS NULL AND lease_until_ms <= ?
            AND leases < ? ORDER BY queued_ms, rowid LIMIT ?",
    )
    .bind(tenant)
    .bind(to_i64(wanted.now_ms))
    .bind(i64::from(wanted.deliveries))
    .bind(i64::from(wanted.jobs))
    .fetch_all(conn)
    .await?;
    let job = |row: &sql::Row| Ok((request_id(row.try_get(0)?)?, to_u64(row.try_get(1)?)));
    rows.iter().map(job).collect()
}

/// One of each in turn, as many as asked for and as have room; the first is never too large.
fn interleave(mut queues: Vec<VecDeque<Sized>>, jobs: usize, mut room: u64) -> Vec<RequestId> {
    let mut taken = Vec::with_capacity(jobs);
    loop {
        let before = taken.len();
        for queue in &mut queues {
            let Some((request, bytes)) = queue.pop_front().filter(|_| taken.len() < jobs) else {
                continue;
            };
            if bytes > room && !taken.is_empty() {
                return taken;
            }
            room = room.saturating_sub(bytes);
            taken.push(request);
        }
        if taken.len() == before {
            return taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::request;

    fn queue(numbers: std::ops::Range<u64>) -> VecDeque<Sized> {
        numbers.map(|n| (request(n), 10)).collect()
    }

    #[test]
    fn a_long_queue_takes_what_the_others_leave() {
        let taken = interleave(vec![queue(0..9), queue(20..21), queue(30..33)], 6, 1_000);
        let expected = [0, 20, 30, 1, 31, 2].map(request);
        assert_eq!(taken, expected);
    }

    #[test]
    fn bytes_are_bounded_but_for_the_first() {
        assert_eq!(interleave(vec![queue(0..9)], 6, 35).len(), 3);
        assert_eq!(interleave(vec![queue(0..9)], 6, 1), [request(0)]);
        assert!(interleave(Vec::new(), 6, 1).is_empty());
    }

    #[test]
    fn who_was_served_last_waits_for_all_others() {
        let tenants = || ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(in_turn(tenants(), ""), ["a", "b", "c"]);
        assert_eq!(in_turn(tenants(), "b"), ["c", "a", "b"]);
        assert_eq!(in_turn(tenants(), "bb"), ["c", "a", "b"]);
        assert_eq!(in_turn(tenants(), "c"), ["a", "b", "c"]);
    }
}
