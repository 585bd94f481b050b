//! Decisions in the order of an export, oldest first, page by page; no transaction outlives a page.
//!
//! What was there when an export began comes in the order of time. What arrived meanwhile, whatever its time,
//! comes after it in the order of arrival: a row number is never given to two rows, and later rows have greater
//! ones, so that nothing is told twice and nothing is left out.

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};

use super::{
    Store, StoreError, calls,
    list::{Position, Shadows},
    to_i64,
};
use crate::store::sql::{self, QueryBuilder, Row};

/// Which decisions are exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) tenant: TenantId,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) from_ms: u64,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) to_ms: u64,
    pub(crate) shadows: Shadows,
}

/// How far an export came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among the rows up to the number `newest`, after the position.
    Settled {
        newest: i64,
        after: Option<Position>,
    },
    /// Among those that arrived meanwhile, after this row's number.
    Arrived { after: i64 },
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) next: Place,
    /// It has as many rows as were asked for.
    pub(crate) is_full: bool,
    /// No row is behind it, as of now.
    pub(crate) is_last: bool,
}

/// The newest row's number.
pub(crate) async fn newest(store: &Store) -> Result<i64, StoreError> {
    let query = sql::query_scalar("SELECT ifnull(max(id), 0) FROM decisions");
    Ok(query.fetch_one(store.read()).await?)
}

/// How many decisions the span has, shadows included; counts no further than `most`.
pub(crate) async fn count(store: &Store, span: &Span, most: u64) -> Result<u64, StoreError> {
    let counted: i64 = sql::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM decisions
            WHERE tenant = ? AND created_ms >= ? AND created_ms <= ? LIMIT ?) AS counted",
    )
    .bind(span.tenant.as_str())
    .bind(to_i64(span.from_ms))
    .bind(to_i64(span.to_ms))
    .bind(to_i64(most))
    .fetch_one(store.read())
    .await?;
    Ok(super::to_u64(counted))
}

/// Up to `limit` decisions after `place`.
pub(crate) async fn page(
    store: &Store,
    span: &Span,
    place: Place,
    limit: u32,
) -> Result<Page, StoreError> {
    let rows = query(span, place, limit)
        .build()
        .fetch_all(store.read())
        .await?;
    let decision = |row: &Row| calls::whole(row.try_get(0)?, row.try_get(1)?);
    let decisions: Vec<Decision> = rows.iter().map(decision).collect::<Result<_, _>>()?;
    let last = rows.last().map(|row| row.try_get(2)).transpose()?;
    Ok(Page::of(place, decisions, (last, limit)))
}

impl Page {
    /// The decisions after `place`, the number of the last one's row, and how many were asked for.
    pub(crate) fn of(
        place: Place,
        decisions: Vec<Decision>,
        (last, limit): (Option<i64>, u32),
    ) -> Self {
        let is_full = decisions.len() >= limit as usize;
        let next = match (place, decisions.last(), last) {
            (Place::Settled { newest, .. }, _, _) if !is_full => Place::Arrived { after: newest },
            (Place::Settled { newest, .. }, Some(last), _) => Place::Settled {
                newest,
                after: Some(position(last)),
            },
            (Place::Arrived { .. }, _, Some(after)) => Place::Arrived { after },
            (Place::Settled { .. } | Place::Arrived { .. }, _, _) => place,
        };
        let is_last = match place {
            Place::Settled { .. } => false,
            Place::Arrived { .. } => !is_full,
        };
        Self {
            decisions,
            next,
            is_full,
            is_last,
        }
    }
}

fn position(decision: &Decision) -> Position {
    Position {
        created_ms: decision.created_at_ms,
        request: RequestId(decision.request_id.0),
    }
}

fn query(span: &Span, place: Place, limit: u32) -> QueryBuilder<'static> {
    let mut query = QueryBuilder::new(
        "SELECT record, bytes, id FROM decisions LEFT JOIN candidates USING (id) WHERE ",
    );
    let (from, to) = (to_i64(span.from_ms), to_i64(span.to_ms));
    let tenant = span.tenant.as_str().to_owned();
    match place {
        Place::Settled { newest, after } => {
            // Of two lower bounds the planner may take either: both are where the last page ended.
            let begun = after.map_or(from, |after| to_i64(after.created_ms).max(from));
            query.push("tenant = ").push_bind(tenant);
            query.push(" AND created_ms >= ").push_bind(begun);
            query.push(" AND created_ms <= ").push_bind(to);
            if let Some(after) = after {
                query.push(" AND (created_ms, request_id) > (");
                query.push_bind(to_i64(after.created_ms)).push(", ");
                query
                    .push_bind(after.request.0.as_bytes().to_vec())
                    .push(")");
            }
            query.push(" AND +id <= ").push_bind(newest);
        }
        Place::Arrived { after } => {
            // The plus signs keep the planner to the few rows that are new.
            query.push("id > ").push_bind(after);
            query.push(" AND +tenant = ").push_bind(tenant);
            query.push(" AND +created_ms >= ").push_bind(from);
            query.push(" AND +created_ms <= ").push_bind(to);
        }
    }
    match span.shadows {
        Shadows::Exclude => query.push(" AND +shadow = 0"),
        Shadows::Only => query.push(" AND +shadow = 1"),
        Shadows::Include => &mut query,
    };
    let order = match place {
        Place::Settled { .. } => " ORDER BY created_ms, request_id LIMIT ",
        Place::Arrived { .. } => " ORDER BY id LIMIT ",
    };
    query.push(order).push_bind(i64::from(limit));
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan;
    use crate::{fixture::*, ingest::Intake};

    fn span() -> Span {
        Span {
            tenant: tenant(),
            from_ms: NOW - 1_000,
            to_ms: NOW,
            shadows: Shadows::Exclude,
        }
    }

    async fn begun(intake: &Intake) -> Place {
        let newest = newest(&intake.store).await.expect("read");
        Place::Settled {
            newest,
            after: None,
        }
    }

    async fn add(intake: &Intake, number: u64, created_at_ms: u64) {
        let decision = Decision {
            created_at_ms,
            ..decision(number)
        };
        append(intake, vec![decided(number, decision)]).await;
    }

    #[tokio::test]
    async fn what_arrives_during_an_export_is_told_once_wherever_it_belongs() {
        let intake = intake().await;
        for number in 1..=7 {
            add(&intake, number, NOW - 1_000 + number / 2).await;
        }
        let (mut place, mut seen, mut arrived) = (begun(&intake).await, Vec::new(), 100);
        loop {
            let page = page(&intake.store, &span(), place, 3).await.expect("read");
            seen.extend(page.decisions.iter().map(|d| d.request_id));
            if arrived < 105 {
                arrived += 1;
                // Before what was told, and after it.
                add(&intake, arrived, NOW - 1_000).await;
                add(&intake, arrived + 100, NOW - 1).await;
            } else if page.is_last {
                break;
            }
            place = page.next;
        }
        let expected = (1..=7).chain(101..=105).chain(201..=205).map(request);
        let mut expected: Vec<RequestId> = expected.collect();
        assert_eq!(seen[..7], expected[..7], "in the order of time");
        seen.sort_unstable_by_key(|id| id.0);
        expected.sort_unstable_by_key(|id| id.0);
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn the_ends_of_the_span_belong_to_it_and_shadows_and_strangers_do_not() {
        let intake = intake().await;
        for (number, created_ms) in [(1, NOW - 1_001), (2, NOW - 1_000), (3, NOW), (4, NOW + 1)] {
            add(&intake, number, created_ms).await;
        }
        let mut shadow = decision(5);
        shadow.shadow_of = Some(request(2));
        let mut foreign = decision(6);
        foreign.tenant = TenantId::new("other").expect("valid");
        append(&intake, vec![decided(5, shadow), decided(6, foreign)]).await;
        let told = async |span: &Span| {
            let page = page(&intake.store, span, begun(&intake).await, 9).await;
            let decisions = page.expect("read").decisions;
            decisions.iter().map(|d| d.request_id).collect::<Vec<_>>()
        };
        assert_eq!(told(&span()).await, [request(2), request(3)]);
        let all = Span {
            shadows: Shadows::Include,
            ..span()
        };
        assert_eq!(told(&all).await, [request(2), request(5), request(3)]);
        let counted = async |most| count(&intake.store, &span(), most).await.expect("read");
        assert_eq!((counted(99).await, counted(2).await), (3, 2));
    }

    #[tokio::test]
    async fn a_page_is_found_by_its_index_and_what_arrived_by_its_number() {
        let plan = async |place| plan(query(&span(), place, 9).sql()).await;
        let after = Some(Position {
            created_ms: NOW,
            request: request(1),
        });
        let settled = plan(Place::Settled { newest: 9, after }).await;
        assert!(
            settled.contains("decisions_newest (tenant=? AND"),
            "{settled}"
        );
        let arrived = plan(Place::Arrived { after: 9 }).await;
        assert!(arrived.contains("PRIMARY KEY (rowid>?)"), "{arrived}");
        for plan in [settled, arrived] {
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
