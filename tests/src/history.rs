//! A control plane's store with a past: decisions of one tenant, taken in as proxies send them.

use std::{path::Path, time::Instant};

use floopy_shared::process::clock::Clock;
use http::Method;
use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Api, BodyExt, Floopy, Shape,
    bench::ingest::{Control, world::World},
    soak::memory_kib,
};

/// Whose decisions they are, and the key that [`crate::Settings::another_tenant`] gets.
pub const HISTORIC_TENANT: (&str, &str) = ("tenant-0000", "fl_test_historic_0123456789");

/// Calls of each session.
const CALLS: usize = 4;

/// Fills the store of a system that will be started in `dir`; `rows` is a multiple of four. A tenth of the
/// replies is scored.
pub async fn fill(dir: &Path, shape: Shape, rows: usize) {
    let store = match shape {
        Shape::Standalone => dir.join("data/control"),
        Shape::Split => dir.join("control"),
    };
    let sessions = rows / CALLS;
    let mut world = World::new(1, sessions, Clock::system().now_ms());
    let control = Control::start(&store, world.tenants()).await;
    control.append(world.decisions()).await;
    control
        .report(world.scores(0..sessions.div_ceil(10)), 256)
        .await;
    control.stop().await;
}

/// From before the first of these decisions to after the last.
pub fn span() -> (String, String) {
    let moment = |at: OffsetDateTime| at.format(&Rfc3339).expect("a moment");
    let now = OffsetDateTime::now_utc()
        .replace_nanosecond(0)
        .expect("a moment");
    (
        moment(now - Duration::days(8)),
        moment(now + Duration::hours(1)),
    )
}

/// What an export came to.
#[derive(Debug)]
pub struct ReadThrough {
    pub rows: u64,
    pub bytes: u64,
    pub is_truncated: bool,
    pub took: std::time::Duration,
    /// The most memory that all processes held together while it was read.
    pub peak_kib: u64,
}

/// Bytes between two looks at the memory.
const LOOK_BYTES: u64 = 4 << 20;
/// Longer than any trailer.
const TRAILER_BYTES: usize = 4_000;

/// Reads an export without keeping it.
pub async fn read_through(floopy: &Floopy, api: &Api) -> ReadThrough {
    let (from, to) = span();
    let path = format!("/v1/export/decisions?from={from}&to={to}");
    let begun = Instant::now();
    let response = api.call(Method::GET, &path).open().await;
    assert_eq!(response.status(), 200);
    let (mut body, mut bytes, mut peak_kib, mut tail) = (response.into_body(), 0, 0, Vec::new());
    while let Some(frame) = body.frame().await {
        let piece = frame.expect("not broken").into_data().expect("data");
        let read = bytes + piece.len() as u64;
        if bytes / LOOK_BYTES != read / LOOK_BYTES {
            let held = floopy.process_ids().into_iter().map(memory_kib);
            peak_kib = held.sum::<u64>().max(peak_kib);
        }
        bytes = read;
        tail.extend_from_slice(&piece);
        tail.drain(..tail.len().saturating_sub(TRAILER_BYTES));
    }
    let tail = String::from_utf8_lossy(&tail).into_owned();
    let line = tail.trim_end().rsplit('\n').next().expect("a line");
    let trailer: Value = serde_json::from_str(line).expect("a trailer");
    let rows_bytes = bytes - line.len() as u64 - 1;
    assert_eq!(trailer["byte_count"].as_u64(), Some(rows_bytes));
    ReadThrough {
        rows: trailer["row_count"].as_u64().expect("a number"),
        bytes,
        is_truncated: trailer["truncated"] == true,
        took: begun.elapsed(),
        peak_kib,
    }
}
