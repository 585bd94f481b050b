//! How the demo configures the system: with nothing that a user could not write into `floopy.toml`.

use std::{net::SocketAddr, path::Path, time::Duration};

use floopy_controlplane as control;
use floopy_dataplane::config::Provider;
use floopy_shared::{catalog::Usd, process::config::Secret};
use rand::Rng;

use super::{client::Client, session::Pace};
use crate::{
    config::Config,
    simulator::{
        Options,
        world::{MODELS, SimulatedModel},
    },
    system::System,
};

/// The simulator's name as a provider.
const PROVIDER: &str = "sim";

/// Share of requests also sent, unseen, to another model.
const SHADOW_RATE: f64 = 0.2;

/// What the shadow may cost beside the served replies: in two thousand sessions there is much to find out, and
/// the best simulated models are not the cheapest.
const SHADOW_SPEND: f64 = 0.4;

/// Time between two computations of the rankings.
const REFRESH_MS: u64 = 200;

/// Factors on the simulated models' latencies, so that a demo fits into a coffee break.
const LATENCY: f64 = 0.1;
const FAST_LATENCY: f64 = 0.01;

/// How long the first snapshot may take.
const READY_TRIES: u32 = 200;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// How fast users come at most: they wait where learning falls behind.
pub(super) fn pace(fast: bool) -> Pace {
    if fast {
        Pace {
            sessions_per_second: 75.0,
            open_sessions: 48,
        }
    } else {
        Pace {
            sessions_per_second: 10.0,
            open_sessions: 24,
        }
    }
}

pub(super) fn simulator(seed: u64, fast: bool) -> Options {
    Options {
        listen: any_port(),
        seed,
        latency_scale: if fast { FAST_LATENCY } else { LATENCY },
        failures: true,
        breaks: 0.0,
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A key for this run.
pub(super) fn key() -> String {
    let bytes: [u8; 24] = rand::rng().random();
    format!("fl_{}", hex::encode(bytes))
}

/// What the system is told.
pub(super) fn config(
    simulator: SocketAddr,
    data_dir: &Path,
    key: &str,
    listen: Option<SocketAddr>,
) -> Config {
    let mut config = Config {
        data_dir: data_dir.to_owned(),
        ..Config::default()
    };
    config.proxy.listen = listen.unwrap_or_else(any_port);
    config.control.listen = any_port();
    config.control.refresh_ms = REFRESH_MS;
    config.control.builtin_models = false;
    config.learning.shadow_rate = SHADOW_RATE;
    config.learning.shadow_spend = SHADOW_SPEND;
    config.providers = vec![Provider {
        base_url: Some(format!("http://{simulator}/v1")),
        ..Provider::named(PROVIDER)
    }];
    config.models = MODELS.iter().map(model).collect();
    config.tenants = vec![control::TenantConfig {
        id: "default".into(),
        key: Some(Secret::new(key)),
        zero_retention: false,
        default_model: None,
        constraints: Default::default(),
        shadow_budget_usd_per_day: None,
        rules: Vec::new(),
        rule: None,
        passthrough: false,
        cache: Default::default(),
        firewall: Default::default(),
        mcp: Default::default(),
        plan: None,
        models: Vec::new(),
    }];
    config
}

/// What is publicly known of a model: price, abilities, benchmark. Its quality is not.
fn model(simulated: &SimulatedModel) -> control::Model {
    control::Model {
        context_tokens: Some(128_000),
        max_output_tokens: Some(8_192),
        input_usd_per_mtok: Usd::from_usd(simulated.input_usd_per_mtok),
        output_usd_per_mtok: Usd::from_usd(simulated.output_usd_per_mtok),
        vision: true,
        json_schema: true,
        benchmark: Some(simulated.benchmark),
        ..control::Model::named(PROVIDER, simulated.name)
    }
}

/// Waits until the proxy knows the simulated models: the first snapshot takes a moment to arrive. Gives up
/// quietly; requests then fail, and say why.
pub(super) async fn ready(client: &Client) {
    let knows = |models: &serde_json::Value| models.to_string().contains(MODELS[0].name);
    for _ in 0..READY_TRIES {
        if client
            .get("/v1/models")
            .await
            .is_ok_and(|models| knows(&models))
        {
            return;
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
}

/// What is about to happen.
pub(super) fn intro(sessions: usize, seed: u64, config: &Config, system: &System) -> String {
    format!(
        "floopy demo: {sessions} sessions, seed {seed}\n\n\
         {} simulated models stand behind the proxy at http://{} (control plane: http://{}).\n\
         Each is good at other tasks, and only the simulated users find out how good; half of them rate\n\
         their session, 0 to 10. Floopy knows prices and misleading benchmarks, reads the replies with\n\
         its built-in judge, and learns the rest.\n\
         Settings that differ from the defaults: learning.shadow_rate = {}, learning.shadow_spend = {},\n\
         control.refresh_ms = {}, control.builtin_models = false, and the simulator as the only provider.\n",
        config.models.len(),
        system.proxy(),
        system.rest(),
        config.learning.shadow_rate,
        config.learning.shadow_spend,
        config.control.refresh_ms,
    )
}
