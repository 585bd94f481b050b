//! Pages of decisions, newest first.

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};

use uuid::Uuid;

use super::{Store, StoreError, calls, to_i64};
use crate::store::sql::QueryBuilder;

/// Which decisions are asked for. `None` and empty do not restrict.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    pub(crate) session_id: Option<String>,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) from_ms: Option<u64>,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) to_ms: Option<u64>,
    /// Whatever they are: shadows as well.
    pub(crate) request_ids: Vec<RequestId>,
    pub(crate) strategy: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) min_confidence: Option<f64>,
    pub(crate) max_confidence: Option<f64>,
    pub(crate) shadows: Shadows,
    /// Lines of tags, each of which a decision must have.
    pub(crate) tags: Vec<String>,
}

/// Whether calls that nobody was answered by are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Shadows {
    #[default]
    Exclude,
    Include,
    Only,
}

impl Shadows {
    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
            Self::Only => "only",
        }
    }
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) created_ms: u64,
    pub(crate) request: RequestId,
}

impl Position {
    /// Of what has no request of its own: its number is its place.
    pub(crate) fn numbered(number: u64) -> Self {
        Self {
            created_ms: number,
            request: RequestId(Uuid::nil()),
        }
    }
}

/// Up to `limit` decisions after `after`.
pub(crate) async fn page(
    store: &Store,
    tenant: &TenantId,
    filter: &Filter,
    after: Option<Position>,
    limit: u32,
) -> Result<Vec<Decision>, StoreError> {
    let mut query = query(tenant, filter, after, limit);
    let rows = query.build().fetch_all(store.read()).await?;
    rows.iter()
        .map(|row| calls::whole(row.try_get(0)?, row.try_get(1)?))
        .collect()
}

fn query(
    tenant: &TenantId,
    filter: &Filter,
    after: Option<Position>,
    limit: u32,
) -> QueryBuilder<'static> {
    let mut query = QueryBuilder::new(
        "SELECT record, bytes FROM decisions LEFT JOIN candidates USING (id) WHERE tenant = ",
    );
    query.push_bind(tenant.as_str().to_owned());
    restrict(&mut query, filter);
    if let Some(after) = after {
        query
            .push(" AND (created_ms, request_id) < (")
            .push_bind(to_i64(after.created_ms));
        query
            .push(", ")
            .push_bind(after.request.0.as_bytes().to_vec())
            .push(")");
    }
    // The plus signs keep the planner from walking the tenant's whole history for a handful of ids.
    let order = if filter.request_ids.is_empty() {
        " ORDER BY created_ms DESC, request_id DESC LIMIT "
    } else {
        " ORDER BY +created_ms DESC, +request_id DESC LIMIT "
    };
    query.push(order).push_bind(i64::from(limit));
    query
}

fn restrict(query: &mut QueryBuilder<'_>, filter: &Filter) {
    if let Some(session) = &filter.session_id {
        query.push(" AND session_id = ").push_bind(session.clone());
    }
    if let Some(from) = filter.from_ms {
        query.push(" AND created_ms >= ").push_bind(to_i64(from));
    }
    if let Some(to) = filter.to_ms {
        query.push(" AND created_ms <= ").push_bind(to_i64(to));
    }
    if filter.request_ids.is_empty() {
        match filter.shadows {
            Shadows::Exclude => query.push(" AND shadow = 0"),
            Shadows::Only => query.push(" AND shadow = 1"),
            Shadows::Include => query,
        };
    } else {
        query.push(" AND request_id IN (");
        let mut ids = query.separated(", ");
        for id in &filter.request_ids {
            ids.push_bind(id.0.as_bytes().to_vec());
        }
        query.push(")");
    }
    restrict_to_tags(query, &filter.tags);
    if let Some(strategy) = &filter.strategy {
        query.push(" AND strategy = ").push_bind(strategy.clone());
    }
    if let Some(model) = &filter.model {
        query.push(" AND (model = ").push_bind(model.clone());
        query
            .push(" OR served = ")
            .push_bind(model.clone())
            .push(")");
    }
    if let Some(min) = filter.min_confidence {
        query.push(" AND confidence >= ").push_bind(min);
    }
    if let Some(max) = filter.max_confidence {
        query.push(" AND confidence <= ").push_bind(max);
    }
}

/// Only calls with all of these lines. That they have any is said for the sake of the index of those that do.
pub(in crate::store) fn restrict_to_tags(query: &mut QueryBuilder<'_>, tags: &[String]) {
    for tag in tags {
        query
            .push(" AND tags IS NOT NULL AND instr(tags, ")
            .push_bind(tag.clone())
            .push(") > 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::plan;

    #[tokio::test]
    async fn pages_are_walked_in_their_order_by_the_index_that_knows_what_is_asked_for() {
        let tenant = TenantId::new("acme").expect("valid");
        let after = Some(Position::numbered(9));
        let asked = [
            (Filter::default(), "decisions_newest"),
            (
                Filter {
                    tags: vec!["user=ana".to_owned()],
                    ..Filter::default()
                },
                "decisions_tagged",
            ),
        ];
        for (filter, index) in asked {
            let query = query(&tenant, &filter, after, 50);
            let plan = plan(query.sql()).await;
            assert!(plan.contains(&format!("{index} (tenant=?")), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
