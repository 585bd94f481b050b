//! Mixed traffic against the real processes for minutes: what they hold afterwards must be what they held
//! before, and every call that was taken must be in the books.

mod books;
mod traffic;

use std::{fmt::Write, fs, time::Duration};

use tokio::time::{Instant, sleep_until};

use self::traffic::{Sent, Traffic};
use crate::{
    Api, Ending, Floopy, Reply, Settings, Shape, Stream, Upstream, eventually_within,
    simulator::Simulator,
};

pub use self::traffic::WORKERS;

/// How long one soak is.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub duration: Duration,
    /// Until bounded memories are full and memory is looked at for the first time.
    pub warm_up: Duration,
    /// How long connections to providers may idle afterwards before they count as leaked; zero: not looked at.
    pub idle: Duration,
    /// What memory may differ by without anything being leaked: an allocator's leftovers, bounded memories that
    /// the warm-up did not fill.
    pub noise_kib: u64,
    pub seed: u64,
}

/// What was seen.
#[derive(Debug)]
pub struct Report {
    sent: Sent,
    accepted: u64,
    recorded: u64,
    warm_kib: u64,
    end_kib: u64,
    tasks: (u64, u64),
    /// Everything that is not as it must be.
    pub problems: Vec<String>,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (what, count) in self.sent.counts() {
            let _ = writeln!(text, "{count:>9}  {what}");
        }
        let _ = writeln!(
            text,
            "calls taken {}, in the books {}; resident memory {:.1} MiB warm, {:.1} MiB at the end; tasks {} \
             before, {} after",
            self.accepted,
            self.recorded,
            mib(self.warm_kib),
            mib(self.end_kib),
            self.tasks.0,
            self.tasks.1,
        );
        for problem in &self.problems {
            let _ = writeln!(text, "PROBLEM: {problem}");
        }
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

/// Providers that fail in every way, beside one that mostly works.
async fn providers() -> (Simulator, Upstream, Settings) {
    let simulator = Simulator::with(&["--breaks", "0.05"]).await;
    let broken = Upstream::start().await;
    let mut cut = Stream::of_words(&["one", " two"]);
    cut.ending = Ending::Reset;
    cut.frames.truncate(2);
    let replies = [
        ("sim-titan-pro", Reply::Reset),
        ("sim-nova-large", Reply::Hang),
        (
            "sim-quill",
            Reply::raw(200, "text/html", "<html>It works!</html>"),
        ),
        ("sim-relay-open", Reply::raw(503, "application/json", "{}")),
        ("sim-swift-mini", Reply::Stream(cut)),
    ];
    for (model, reply) in replies {
        broken.script(model, reply);
    }
    let settings = simulator
        .settings()
        .provider("broken", &broken.base_url())
        .proxy(
            "timeouts",
            "first_byte_ms = 700\nstream_idle_ms = 700\nbody_ms = 500\nheader_ms = 2000\nclient_idle_ms = 1000",
        )
        .proxy("breaker", "open_ms = 1000")
        .proxy("hedge", "after_ms = 200")
        .proxy("disconnect", "linger_ms = 1000");
    (simulator, broken, settings)
}

/// Runs it to its end.
pub async fn run(plan: Plan) -> Report {
    let (simulator, broken, settings) = providers().await;
    let mut floopy = Floopy::with(Shape::Split, settings).await;
    let process = floopy.proxy_process().id();
    let admin = floopy.admin_api();
    let tasks = metric(&metrics(&admin).await, "floopy_tasks");
    let before = taken(&metrics(&admin).await, 0);
    let begun = Instant::now();
    let traffic = Traffic::start(&floopy, plan.seed);
    sleep_until(begun + plan.warm_up).await;
    let warm_kib = memory_kib(process);
    sleep_until(begun + plan.duration).await;
    let sent = traffic.finish().await;
    let mut problems = sent.problems.clone();
    let at_rest = at_rest(&admin).await;
    let end_kib = memory_kib(process);
    let accepted = taken(&at_rest, sent.strangers) - before;
    let recorded = books::count(&floopy, accepted).await;
    if accepted != recorded {
        problems.push(format!(
            "{accepted} calls were taken, {recorded} are in the books"
        ));
    }
    if end_kib > warm_kib + plan.noise_kib {
        problems.push(format!("memory grew from {warm_kib} to {end_kib} KiB"));
    }
    problems.extend(not_zero(&at_rest));
    problems.extend(
        floopy
            .logs()
            .lines()
            .filter(|l| l.contains("panicked"))
            .map(str::to_owned),
    );
    drop((simulator, broken));
    let left = tasks_left(&admin, tasks, plan.idle).await;
    if !plan.idle.is_zero() && left > tasks {
        problems.push(format!("{tasks} tasks before, {left} after"));
    }
    Report {
        sent,
        accepted,
        recorded,
        warm_kib,
        end_kib,
        tasks: (tasks, left),
        problems,
    }
}

async fn metrics(admin: &Api) -> String {
    admin.get("/metrics").await.ok().text()
}

/// A metric's value, summed over its labels; a missing one is 0.
pub fn metric(text: &str, name: &str) -> u64 {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        let is_it = labels.is_empty() || labels.starts_with('{');
        value.parse::<u64>().ok().filter(|_| is_it)
    });
    values.sum()
}

/// Calls that must be in the books: those that came, without strangers and those for whom there was no room.
pub fn taken(text: &str, strangers: u64) -> u64 {
    let calls = ["chat", "embeddings"].map(|route| {
        let of_route = text
            .lines()
            .filter(|line| line.contains(&format!("route=\"{route}\"")));
        let lines: Vec<&str> = of_route.collect();
        metric(&lines.join("\n"), "floopy_requests_total")
    });
    let shed = [
        "floopy_requests_overloaded_total",
        "floopy_requests_over_share_total",
    ];
    let shed: u64 = shed.iter().map(|name| metric(text, name)).sum();
    calls.iter().sum::<u64>() - shed - strangers
}

/// Metrics once nothing is under way.
async fn at_rest(admin: &Api) -> String {
    eventually_within(Duration::from_secs(60), || async {
        let text = metrics(admin).await;
        let busy = [
            "floopy_requests_in_flight",
            "floopy_replies_lingering",
            "floopy_spool_depth_events",
        ]
        .map(|name| (name, metric(&text, name)));
        if busy.iter().all(|(_, value)| *value == 0) {
            Ok(text)
        } else {
            Err(format!("{busy:?}"))
        }
    })
    .await
}

fn not_zero(text: &str) -> Vec<String> {
    let lossy = [
        "floopy_spool_dropped_events_total",
        "floopy_spool_rejected_events_total",
        "floopy_spool_unreadable_total",
        "floopy_requests_overloaded_total",
    ];
    let values = lossy.map(|name| (name, metric(text, name)));
    let lost = values.iter().filter(|(_, value)| *value > 0);
    lost.map(|(name, value)| format!("{name} is {value}"))
        .collect()
}

async fn tasks_left(admin: &Api, before: u64, idle: Duration) -> u64 {
    let until = Instant::now() + idle;
    loop {
        let left = metric(&metrics(admin).await, "floopy_tasks");
        if left <= before || Instant::now() >= until {
            return left;
        }
        sleep_until(Instant::now() + Duration::from_millis(200)).await;
    }
}

/// What a process holds of the memory.
pub fn memory_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.expect("a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels_and_not_mixed_up() {
        let text = "# HELP a b\na_total{x=\"1\"} 2\na_total{x=\"2\"} 3\na_total_more 9\nb 4\n";
        assert_eq!(
            ["a_total", "b", "c"].map(|name| metric(text, name)),
            [5, 4, 0]
        );
    }
}
