//! The parts of the gateway's benchmark: who is measured, and what is measured of them.

mod latency;
pub mod options;
mod saturation;
mod streams;

use std::time::Duration;

pub use self::{latency::latency, saturation::saturation, streams::streams};
use super::{
    load::Target,
    machine,
    nginx::Nginx,
    proxy::Proxy,
    report::{Report, say},
    upstream::{self, Pace},
    world::PROVIDER,
};

/// As many tenants as the memory bound is stated for.
const TENANTS: usize = 1_000;

/// A call of a common kind: a system prompt and a question.
const MESSAGES: &str = r#""messages":[{"role":"system","content":"You are a helpful assistant for travellers. Answer briefly and name the source of what you say."},{"role":"user","content":"What is the weather in Lisbon today?"}]"#;

/// How long everything takes.
#[derive(Debug, Clone, Copy)]
pub struct Lengths {
    pub rounds: usize,
    pub round: Duration,
    pub crowd: Duration,
    pub long_stream: Duration,
}

impl Lengths {
    /// For figures that are kept.
    pub fn full() -> Self {
        Self {
            rounds: 5,
            round: Duration::from_secs(3),
            crowd: Duration::from_secs(12),
            long_stream: Duration::from_secs(30),
        }
    }

    /// For a look.
    pub fn quick() -> Self {
        Self {
            rounds: 3,
            round: Duration::from_secs(2),
            crowd: Duration::from_secs(6),
            long_stream: Duration::from_secs(10),
        }
    }
}

/// One of those that are compared.
#[derive(Debug)]
pub struct Subject {
    pub name: &'static str,
    pub target: Target,
    /// Of its process; the direct call has none.
    pub pid: Option<u32>,
}

/// Everything that runs.
#[derive(Debug)]
pub struct Subjects {
    pub all: Vec<Subject>,
    proxy: Proxy,
    _nginx: Option<Nginx>,
}

impl Subjects {
    /// Starts the upstream and all who stand before it; the proxy with so many threads that serve.
    pub async fn start(workers: usize) -> Self {
        let upstream = upstream::start(Pace {
            events: 1,
            every: Duration::ZERO,
        });
        let nginx = Nginx::start(upstream).await;
        let proxy = Proxy::start(upstream, TENANTS, workers).await;
        let named = format!(r#"{{"model":"{PROVIDER}/model-0","temperature":0.2,{MESSAGES}}}"#);
        let auto = format!(r#"{{"model":"auto","temperature":0.2,{MESSAGES}}}"#);
        let subject = |name, addr, body: &str, pid| Subject {
            name,
            target: Target::new(addr, &proxy.key, body),
            pid,
        };
        let mut all = vec![subject("direct", upstream, &auto, None)];
        match &nginx {
            Some(nginx) => all.push(subject("nginx", nginx.addr, &auto, Some(nginx.id()))),
            None => say("nginx is not on this machine: the floor is missing"),
        }
        all.push(subject(
            "Floopy, a named model",
            proxy.addr,
            &named,
            Some(proxy.id()),
        ));
        all.push(subject(
            "Floopy, `auto`",
            proxy.addr,
            &auto,
            Some(proxy.id()),
        ));
        Self {
            all,
            proxy,
            _nginx: nginx,
        }
    }
}

/// What the proxy holds after all that was done to it.
pub fn memory(report: &mut Report, subjects: &Subjects) {
    let (now, peak) = machine::memory_kib(subjects.proxy.id());
    report.text("## Memory");
    report.text(&format!(
        "Resident memory of the data plane with {TENANTS} tenants in its snapshot (20 models, 6 ranked shapes each): \
         {:.1} MiB after the load above, {:.1} MiB at its peak.",
        machine::mib(now),
        machine::mib(peak)
    ));
}
