//! How busy a candidate is.

/// How busy and how slow a candidate is, as one proxy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Peak-sensitive moving average of the time to its first byte; `None`: not measured yet.
    pub first_byte_ms: Option<f64>,
    /// Calls that wait for their first byte.
    pub waiting: u32,
}
