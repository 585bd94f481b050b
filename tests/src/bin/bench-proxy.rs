//! Added latency of the proxy and of nginx over a direct call, in interleaved rounds of one run, and the
//! memory of the proxy after that load.
#![allow(clippy::expect_used, reason = "a benchmark that cannot run must stop")]

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use bytes::Bytes;
use floopy_tests::{
    Api,
    bench::{
        control,
        load::{self, Plan, Sample, Target},
        nginx::Nginx,
        report::{self, Row, say},
        upstream,
    },
    eventually,
    ports::free_addr,
    process::{Process, binary},
};

const RATES: [u32; 2] = [500, 2_000];
const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_secs(6);
const CONNECTIONS: usize = 64;
const KEY: &str = "fl_bench_0123456789";
const CALL: &str = r#"{"model":"up/fast","temperature":0.2,"messages":[{"role":"system","content":"You are a helpful assistant for travellers. Answer briefly and name the source of what you say."},{"role":"user","content":"What is the weather in Lisbon today?"}]}"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let upstream = upstream::start().await;
    let control = control::start().await;
    let nginx = Nginx::start(upstream).await;
    let dir = tempfile::tempdir().expect("a directory");
    let (process, proxy) = start_proxy(dir.path(), upstream, control).await;
    let idle = memory_kib(process.id());

    let mut targets = vec![target("direct", upstream)];
    targets.extend(nginx.as_ref().map(|nginx| target("nginx", nginx.addr)));
    targets.push(target("floopy", proxy));
    if nginx.is_none() {
        say("nginx is not on this machine: the floor is missing");
    }
    let mut failed = 0;
    for per_second in RATES {
        failed += measure(per_second, &targets).await;
    }
    let (rss, peak) = (memory_kib(process.id()).0, memory_kib(process.id()).1);
    say(&format!(
        "\nresident memory of floopy-dataplane: {:.1} MiB idle, {:.1} MiB after the load, {:.1} MiB at its peak",
        mib(idle.0),
        mib(rss),
        mib(peak)
    ));
    assert_eq!(failed, 0, "calls failed: the figures are worth nothing");
}

fn target(name: &'static str, addr: SocketAddr) -> Target {
    Target {
        name,
        addr,
        key: KEY.to_owned(),
        body: Bytes::from_static(CALL.as_bytes()),
    }
}

/// Prints what one rate gives; how many calls failed.
async fn measure(per_second: u32, targets: &[Target]) -> usize {
    let plan = Plan {
        per_second,
        duration: ROUND,
        connections: CONNECTIONS,
    };
    let mut samples = vec![Sample::default(); targets.len()];
    for target in targets {
        load::run(
            target,
            Plan {
                duration: Duration::from_secs(1),
                ..plan
            },
        )
        .await;
    }
    // Interleaved, so that whatever else the machine does hits all of them.
    for _ in 0..ROUNDS {
        for (target, sample) in targets.iter().zip(&mut samples) {
            sample.merge(load::run(target, plan).await);
        }
    }
    let rows: Vec<Row> = targets
        .iter()
        .zip(samples)
        .map(|(t, sample)| Row::of(t.name, sample))
        .collect();
    report::print(per_second, &rows);
    rows.iter().map(|row| row.failed).sum()
}

async fn start_proxy(
    dir: &Path,
    upstream: SocketAddr,
    control: SocketAddr,
) -> (Process, SocketAddr) {
    let addr = free_addr();
    let config = format!(
        "listen = \"{addr}\"\nnode = \"bench\"\ndata_dir = {data:?}\n\n\
         [control]\ngrpc = \"http://{control}\"\n\n\
         [[providers]]\nname = \"up\"\nbase_url = \"http://{upstream}/v1\"\napi_key = \"k\"\n\n\
         [[tenants]]\nid = \"bench\"\nkey = \"{KEY}\"\n",
        data = dir.join("data"),
    );
    fs::write(dir.join("dataplane.toml"), config).expect("written");
    let mut command = Command::new(binary("floopy-dataplane"));
    command.arg("--config").arg(dir.join("dataplane.toml"));
    let process = Process::start(command, &dir.join("dataplane.log"));
    let api = Api::new(addr, KEY);
    eventually(|| async {
        let answer = api
            .post("/v1/chat/completions")
            .bytes(CALL)
            .try_send()
            .await;
        let answer = answer.map_err(|e| (e.to_string(), process.log()))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err((answer.text(), process.log()))
        }
    })
    .await;
    (process, addr)
}

/// Resident memory of a process, now and at its peak.
fn memory_kib(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0)
    };
    (field("VmRSS:"), field("VmHWM:"))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
