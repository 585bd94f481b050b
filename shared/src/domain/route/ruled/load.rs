//! The quickest first: by the peak EWMA of the time to the first byte, times the calls that would wait for it
//! (Finagle's `PeakEwma` load metric, whose cost is `ewma * (pending + 1)`).

use super::Entry;

/// In whose class a candidate is, and its place there.
type Cost = (u8, f64);

/// Those that nobody measured come first, so that they are; but only one call at a time tries each, as it
/// may take long. The others wait behind everybody who was measured (`PeakEwma`'s penalty).
fn cost(entry: &Entry<'_>) -> Cost {
    let load = entry.trace.load.unwrap_or_default();
    let waiting = f64::from(load.waiting);
    match load.first_byte_ms {
        None if load.waiting == 0 => (0, 0.0),
        Some(ms) => (1, ms * (waiting + 1.0)),
        None => (2, waiting),
    }
}

/// All candidates, the quickest first; in the order of the list among equals.
pub(super) fn order(entries: &[Entry<'_>]) -> Vec<usize> {
    let costs: Vec<Cost> = entries.iter().map(cost).collect();
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (costs[*a], costs[*b]);
        a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1))
    });
    order
}
