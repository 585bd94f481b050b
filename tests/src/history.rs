//! A control plane's store with a past: decisions of one tenant, taken in as proxies send them.

use std::path::Path;

use floopy_shared::process::clock::Clock;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Shape,
    bench::ingest::{Control, world::World},
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
