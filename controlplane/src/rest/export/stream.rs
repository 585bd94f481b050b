//! The body of an export: a page whenever the connection has room for one, until the rows or the time are at
//! their end.

use std::{io, sync::Arc, time::Duration};

use axum::body::Bytes;
use floopy_shared::domain::{explanation::Locale, export::Outcome};
use futures::{Stream, stream};
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    super::{Api, error::ApiError, labels, view},
    cursor::Resume,
    query::ExportQuery,
    segment::{Closing, Segment},
    slots::{Exports, Slot},
};
use crate::{
    decision_log::{DecisionLog, LogError},
    store::{
        Store,
        export::{Page, Place, Span},
    },
};

/// Decisions that are read and rendered at a time: about a megabyte of lines.
const PAGE: u32 = 256;

/// Where the rows come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) store: Store,
    pub(super) log: DecisionLog,
    pub(super) span: Span,
    pub(super) locale: Locale,
}

/// An export that runs.
pub(super) struct Export {
    source: Source,
    place: Place,
    segment: Segment,
    /// The time of the last row that came in the order of time.
    last_ms: Option<u64>,
    deadline: Instant,
    asked_ms: u64,
    /// The last page was full: there may be much behind it.
    is_long: bool,
    is_last: bool,
    api: Api,
    query: ExportQuery,
    slot: Option<Slot>,
}

/// The first page.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) bytes: Bytes,
    pub(super) is_aggregated: bool,
}

impl Export {
    pub(super) fn new(
        source: Source,
        place: Place,
        segment: Segment,
        (api, query, slot): (&Api, ExportQuery, Slot),
    ) -> Self {
        let patience = Duration::from_millis(api.exports.config().deadline_ms);
        Self {
            source,
            place,
            segment,
            last_ms: None,
            deadline: Instant::now() + patience,
            asked_ms: api.clock.now_ms(),
            is_long: true,
            is_last: false,
            api: api.clone(),
            query,
            slot: Some(slot),
        }
    }

    /// Reads the first page, so that what fails at once is an error and no export.
    pub(super) async fn begin(self, goes_on: bool) -> Result<(Begun, Self), ApiError> {
        let page = self.page().await?;
        let (lines, export) = self.lines(page).await.map_err(|error| {
            tracing::error!(%error, "an export failed");
            ApiError::internal()
        })?;
        if let Some(slot) = export.slot.as_ref().filter(|_| !goes_on) {
            slot.begins(export.api.clock.now_ms());
        }
        let begun = Begun {
            is_aggregated: export.segment.is_aggregated(),
            bytes: lines,
        };
        Ok((begun, export))
    }

    /// The first page, the others, the trailer.
    pub(super) fn stream(self, first: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let first = Some(first).filter(|first| !first.is_empty());
        stream::unfold(Some((self, first)), |state| async {
            let (export, first) = state?;
            if let Some(first) = first {
                return Some((Ok(first), Some((export, None))));
            }
            Some(export.next().await)
        })
    }

    /// The next lines, and what remains; nothing remains after the trailer.
    async fn next(self) -> (io::Result<Bytes>, Option<(Self, Option<Bytes>)>) {
        let mut export = self;
        while !export.is_last {
            if export.is_long && Instant::now() >= export.deadline {
                return export.close(Outcome::Truncated, Some("deadline"));
            }
            let page = match export.page().await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "an export broke off");
                    return export.close(Outcome::Error, Some("internal"));
                }
            };
            let (lines, rest) = match export.lines(page).await {
                Ok(done) => done,
                Err(error) => {
                    tracing::error!(%error, "an export broke off");
                    return (Err(error), None);
                }
            };
            if !lines.is_empty() {
                return (Ok(lines), Some((rest, None)));
            }
            export = rest;
        }
        export.close(Outcome::Completed, None)
    }

    async fn page(&self) -> Result<Page, LogError> {
        let Source { log, span, .. } = &self.source;
        log.export(span, self.place, PAGE).await
    }

    /// Renders a page beside the threads that serve.
    async fn lines(self, page: Page) -> io::Result<(Bytes, Self)> {
        let Source { store, span, .. } = &self.source;
        let labels = labels::of(store, &span.tenant, &page.decisions).await;
        let labels = labels.map_err(io::Error::other)?;
        let rendered = spawn_blocking(move || {
            let mut export = self;
            let locale = export.source.locale;
            let lines = export.segment.lines(&page.decisions, &labels, locale);
            export.passed(&page);
            lines.map(|lines| (Bytes::from(lines), export))
        });
        let rendered = rendered.await.map_err(io::Error::other)?;
        rendered.map_err(io::Error::other)
    }

    fn passed(&mut self, page: &Page) {
        if let (Place::Settled { .. }, Some(last)) = (self.place, page.decisions.last()) {
            self.last_ms = Some(last.created_at_ms);
        }
        self.place = page.next;
        self.is_long = page.is_full;
        self.is_last = page.is_last;
    }

    fn close(
        mut self,
        outcome: Outcome,
        reason: Option<&str>,
    ) -> (io::Result<Bytes>, Option<(Self, Option<Bytes>)>) {
        // Before the last bytes go out: whoever has them may ask for the rest at once.
        self.slot = None;
        let line = self.trailer(outcome, reason).map_err(io::Error::other);
        (line.map(Bytes::from), None)
    }

    fn trailer(self, outcome: Outcome, reason: Option<&str>) -> Result<String, serde_json::Error> {
        let resume = Resume {
            place: self.place,
            last_sha256: self.segment.last_sha256(),
        };
        let goes_on = outcome != Outcome::Completed;
        let span = &self.source.span;
        let closing = Closing {
            outcome,
            reason: reason.map(str::to_owned),
            organization_id: span.tenant.to_string(),
            from: view::moment(span.from_ms).unwrap_or_default(),
            to: view::moment(span.to_ms).unwrap_or_default(),
            shadow: span.shadows.as_str(),
            exported_at: view::moment(self.asked_ms).unwrap_or_default(),
            next_from: goes_on.then(|| self.next_from()).flatten(),
            next_cursor: goes_on.then(|| resume.seal(&self.api, &self.query)),
        };
        let exports: Arc<Exports> = Arc::clone(&self.api.exports);
        self.segment.trailer(closing, exports.key())
    }

    /// By time alone what arrived meanwhile can only be got by beginning anew.
    fn next_from(&self) -> Option<String> {
        let from_ms = self.source.span.from_ms;
        view::moment(match self.place {
            Place::Settled { .. } => self.last_ms.unwrap_or(from_ms),
            Place::Arrived { .. } => from_ms,
        })
    }
}
