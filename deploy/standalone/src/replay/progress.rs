//! How far a replay is, on standard error, where a person watches.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal; nothing anywhere else.
pub(super) struct Progress(ProgressBar);

impl Default for Progress {
    fn default() -> Self {
        // Standard error, and hidden where that is no terminal.
        let bar = ProgressBar::new(1);
        let style = ProgressStyle::with_template("{msg:<27} {bar:40} {percent:>3} %  {eta} left");
        Self(match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }
}

impl Progress {
    /// A new policy, with so many requests.
    pub(super) fn begin(&self, policy: &'static str, requests: usize) {
        self.0.reset();
        self.0.set_length(requests as u64);
        self.0.set_message(policy);
    }

    pub(super) fn add(&self, requests: usize) {
        self.0.inc(requests as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
