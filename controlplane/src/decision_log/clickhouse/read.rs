//! The questions that the log answers, as the store does.
//!
//! Rows of a decision that came again are there until ClickHouse merges them: `FINAL` leaves the newest. Records are
//! read only of those that are told, so pages are found first, by narrow columns.

use bytes::Bytes;
use clickhouse::Row;
use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};
use serde::Deserialize;

use super::{ClickHouse, LogError};
use crate::store::{
    export::{Page, Place, Span},
    list::{Filter, Position, Shadows},
    record, to_i64,
};

/// All rows of a decision are in one partition.
pub(super) const APART: &str = " SETTINGS do_not_merge_across_partitions_select_final = 1";

/// A decision as it is read.
#[derive(Debug, Row, Deserialize)]
struct Found {
    number: u64,
    record: Bytes,
}

impl Found {
    fn decision(&self) -> Result<Decision, LogError> {
        Ok(record::decode_decision(&self.record)?)
    }
}

/// What rows must be like; its parts are joined by `AND`.
#[derive(Debug, Default)]
pub(super) struct Which {
    pub(super) text: String,
    /// Values of the question marks.
    pub(super) texts: Vec<String>,
}

impl Which {
    /// What a tenant has.
    pub(super) fn of(tenant: &TenantId) -> Self {
        let mut which = Self {
            text: "tenant = ? AND expires_at > now()".to_owned(),
            texts: Vec::new(),
        };
        which.texts.push(tenant.to_string());
        which
    }

    pub(super) fn and(&mut self, part: &str) -> &mut Self {
        self.text.push_str(" AND ");
        self.text.push_str(part);
        self
    }

    pub(super) fn and_text(&mut self, part: &str, text: &str) {
        self.and(part).texts.push(text.to_owned());
    }

    fn shadows(&mut self, shadows: Shadows) {
        match shadows {
            Shadows::Exclude => self.and("NOT shadow"),
            Shadows::Only => self.and("shadow"),
            Shadows::Include => self,
        };
    }
}

/// An id as ClickHouse reads it.
fn literal(request: RequestId) -> String {
    format!("unhex('{}')", request.0.simple())
}

/// A place as it is compared with a row's.
fn place_of(position: Position) -> String {
    let request = literal(position.request);
    format!("({}, {request})", position.created_ms)
}

impl ClickHouse {
    /// One decision of a tenant.
    pub(crate) async fn get(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Decision>, LogError> {
        let mut which = Which::of(tenant);
        which.and(&format!("request_id = {}", literal(request)));
        let text = format!(
            "SELECT number, record FROM decisions WHERE {} ORDER BY version DESC LIMIT 1",
            which.text
        );
        let found = self.find(&text, &which.texts).await?;
        found.first().map(Found::decision).transpose()
    }

    /// Up to `limit` decisions after `after`, the newest first.
    pub(crate) async fn page(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Vec<Decision>, LogError> {
        let mut which = Which::of(tenant);
        restrict(&mut which, filter);
        if let Some(after) = after {
            which.and(&format!("created_ms <= {}", after.created_ms));
            which.and(&format!("(created_ms, request_id) < {}", place_of(after)));
        }
        let order = "created_ms DESC, request_id DESC";
        let found = self.rows(&which, order, limit).await?;
        found.iter().map(Found::decision).collect()
    }

    /// The newest row's number in a span.
    pub(crate) async fn newest(&self, span: &Span) -> Result<i64, LogError> {
        let which = in_span(span);
        let text = format!("SELECT max(number) FROM decisions WHERE {}", which.text);
        Ok(to_i64(self.number(&text, &which.texts).await?))
    }

    /// How many decisions the span has; counts no further than `most`.
    pub(crate) async fn count(&self, span: &Span, most: u64) -> Result<u64, LogError> {
        let which = in_span(span);
        let text = format!(
            "SELECT count() FROM (SELECT 1 FROM decisions FINAL WHERE {} LIMIT {most}){APART}",
            which.text
        );
        self.number(&text, &which.texts).await
    }

    /// Up to `limit` decisions of an export after `place`.
    pub(crate) async fn export(
        &self,
        span: &Span,
        place: Place,
        limit: u32,
    ) -> Result<Page, LogError> {
        let mut which = in_span(span);
        which.shadows(span.shadows);
        let order = match place {
            Place::Settled { newest, after } => {
                which.and(&format!("number <= {newest}"));
                if let Some(after) = after {
                    which.and(&format!("created_ms >= {}", after.created_ms));
                    which.and(&format!("(created_ms, request_id) > {}", place_of(after)));
                }
                "created_ms, request_id"
            }
            Place::Arrived { after } => {
                which.and(&format!("number > {after}"));
                "number"
            }
        };
        let found = self.rows(&which, order, limit).await?;
        let last = found.last().map(|found| to_i64(found.number));
        let decisions = found
            .iter()
            .map(Found::decision)
            .collect::<Result<_, _>>()?;
        Ok(Page::of(place, decisions, (last, limit)))
    }

    /// The first rows in an order. Which they are is found without a look at the records.
    async fn rows(&self, which: &Which, order: &str, limit: u32) -> Result<Vec<Found>, LogError> {
        let text = format!(
            "SELECT number, record FROM decisions FINAL WHERE tenant = ? AND (created_ms, request_id) IN
                (SELECT created_ms, request_id FROM decisions FINAL WHERE {} ORDER BY {order} LIMIT {limit})
                ORDER BY {order}{APART}",
            which.text
        );
        let tenant = which.texts.iter().take(1).cloned();
        let texts: Vec<String> = tenant.chain(which.texts.iter().cloned()).collect();
        self.find(&text, &texts).await
    }

    async fn find(&self, text: &str, texts: &[String]) -> Result<Vec<Found>, LogError> {
        self.all(text, texts).await
    }

    /// All rows of an answer.
    pub(super) async fn all<T>(&self, text: &str, texts: &[String]) -> Result<Vec<T>, LogError>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        let query = texts
            .iter()
            .fold(self.client.query(text), |query, text| query.bind(text));
        self.ask(query.fetch_all::<T>()).await
    }

    async fn number(&self, text: &str, texts: &[String]) -> Result<u64, LogError> {
        let query = texts
            .iter()
            .fold(self.client.query(text), |query, text| query.bind(text));
        self.ask(query.fetch_one::<u64>()).await
    }
}

fn in_span(span: &Span) -> Which {
    let mut which = Which::of(&span.tenant);
    which.and(&format!("created_ms >= {}", span.from_ms));
    which.and(&format!("created_ms <= {}", span.to_ms));
    which
}

fn restrict(which: &mut Which, filter: &Filter) {
    if let Some(session) = &filter.session_id {
        which.and_text("session_id = ?", session);
    }
    if let Some(from) = filter.from_ms {
        which.and(&format!("created_ms >= {from}"));
    }
    if let Some(to) = filter.to_ms {
        which.and(&format!("created_ms <= {to}"));
    }
    if filter.request_ids.is_empty() {
        which.shadows(filter.shadows);
    } else {
        let ids: Vec<String> = filter.request_ids.iter().copied().map(literal).collect();
        which.and(&format!("request_id IN ({})", ids.join(", ")));
    }
    for tag in &filter.tags {
        which.and_text("position(tags, ?) > 0", tag);
    }
    if let Some(strategy) = &filter.strategy {
        which.and_text("strategy = ?", strategy);
    }
    if let Some(model) = &filter.model {
        which.and_text("(model = ? OR served = ?)", model);
        which.texts.push(model.clone());
    }
    if let Some(min) = filter.min_confidence {
        which.and(&format!("confidence >= {min:?}"));
    }
    if let Some(max) = filter.max_confidence {
        which.and(&format!("confidence <= {max:?}"));
    }
}
