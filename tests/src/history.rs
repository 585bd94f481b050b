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
/// Sessions that are held in memory at a time.
const SESSIONS_AT_ONCE: usize = 10_000;

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
    for from in (0..sessions).step_by(SESSIONS_AT_ONCE) {
        let to = sessions.min(from + SESSIONS_AT_ONCE);
        control.append(world.decisions(from..to)).await;
        let scored = from..from + (to - from).div_ceil(10);
        control.report(world.scores(scored), 256).await;
    }
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
#[derive(Debug, Default)]
pub struct ReadThrough {
    pub rows: u64,
    pub bytes: u64,
    /// How often its time was up and it was gone on with.
    pub truncated: u64,
    pub took: std::time::Duration,
    /// The most memory that all processes held together while it was read.
    pub peak_kib: u64,
}

/// Bytes between two looks at the memory.
const LOOK_BYTES: u64 = 4 << 20;
/// Longer than any trailer.
const TRAILER_BYTES: usize = 4_000;

/// Reads an export without keeping it, part after part until it is complete.
pub async fn read_through(floopy: &Floopy, api: &Api) -> ReadThrough {
    let (from, to) = span();
    let path = format!("/v1/export/decisions?from={from}&to={to}");
    let begun = Instant::now();
    let (mut read, mut chain) = (ReadThrough::default(), Value::Null);
    let mut part = path.clone();
    loop {
        let trailer = read.part(floopy, api, &part).await;
        read.rows += trailer["row_count"].as_u64().expect("a number");
        if !chain.is_null() {
            assert_eq!(
                trailer["first_prev_sha256"], chain,
                "the parts are one chain"
            );
        }
        if trailer["outcome"] == "completed" {
            break;
        }
        assert_eq!(trailer["reason"], "deadline", "{trailer}");
        let cursor = trailer["next_cursor"].as_str().expect("how to go on");
        part = format!("{path}&cursor={cursor}");
        chain = trailer["last_sha256"].clone();
        read.truncated += 1;
    }
    read.took = begun.elapsed();
    read
}

impl ReadThrough {
    /// Reads what one answer has; its trailer.
    async fn part(&mut self, floopy: &Floopy, api: &Api, path: &str) -> Value {
        let response = api.call(Method::GET, path).open().await;
        assert_eq!(response.status(), 200);
        let (mut body, mut bytes, mut tail) = (response.into_body(), 0, Vec::new());
        while let Some(frame) = body.frame().await {
            let piece = frame.expect("not broken").into_data().expect("data");
            let read = bytes + piece.len() as u64;
            if bytes / LOOK_BYTES != read / LOOK_BYTES {
                let held = floopy.process_ids().into_iter().map(memory_kib);
                self.peak_kib = held.sum::<u64>().max(self.peak_kib);
            }
            bytes = read;
            tail.extend_from_slice(&piece);
            tail.drain(..tail.len().saturating_sub(TRAILER_BYTES));
        }
        self.bytes += bytes;
        let tail = String::from_utf8_lossy(&tail).into_owned();
        let line = tail.trim_end().rsplit('\n').next().expect("a line");
        let trailer: Value = serde_json::from_str(line).expect("a trailer");
        let of_rows = bytes - line.len() as u64 - 1;
        assert_eq!(trailer["byte_count"].as_u64(), Some(of_rows));
        trailer
    }
}
