//! From the one file to each plane's configuration.

use floopy_controlplane as control;
use floopy_dataplane::config as proxy;
use floopy_judge_worker as judge;
use floopy_shared::process::config::Secret;

use super::Config;

/// One configuration per plane, apart from what is only known once the control plane listens.
#[derive(Debug, Clone)]
pub struct PlaneConfigs {
    pub proxy: proxy::Config,
    pub control: control::Config,
    pub judge: judge::Config,
}

impl PlaneConfigs {
    /// `token` is the secret that the planes share.
    pub fn new(config: &Config, token: &Secret) -> Self {
        let mut proxy = proxy(config);
        proxy.control.token = Some(token.clone());
        let mut control = control(config);
        control.token = Some(token.clone());
        let judge = judge::Config {
            control: judge::config::Control {
                token: Some(token.clone()),
                ..Default::default()
            },
            worker: format!("{}-judge", config.proxy.node),
            batch: config.judge.batch,
            concurrency: config.judge.concurrency,
            llm: config.judge.llm.clone(),
            log: config.log,
            log_filter: config.log_filter.clone(),
            ..Default::default()
        };
        Self {
            proxy,
            control,
            judge,
        }
    }

    /// For commands that work on the control plane's store alone.
    pub fn control_only(config: &Config) -> control::Config {
        control(config)
    }
}

/// Of the control plane, without a token.
pub(super) fn control(config: &Config) -> control::Config {
    control::Config {
        rest_listen: config.control.listen,
        grpc_listen: None,
        data_dir: config.data_dir.join("control"),
        store: config.control.store.clone(),
        decision_log: config.control.decision_log.clone(),
        redis: config.control.redis.clone(),
        log_filter: config.log_filter.clone(),
        refresh_ms: config.control.refresh_ms,
        builtin_models: config.control.builtin_models,
        catalog: config.catalog.clone(),
        sources: config.sources.clone(),
        models: config.models.clone(),
        tenants: config.tenants.clone(),
        plans: config.plans.clone(),
        learning: config.learning,
        retention: config.control.retention,
        scoring: config.control.scoring,
        export: config.control.export,
        savings: config.control.savings,
        webhooks: config.control.webhooks.clone(),
        dashboard: config.control.dashboard.clone(),
        evaluations: config.control.evaluations,
        operator: config.operator.clone(),
        credentials: config.credentials.clone(),
        batches: config.control.batches,
        ..Default::default()
    }
}

/// Of the proxy, without a token.
pub(super) fn proxy(config: &Config) -> proxy::Config {
    let section = config.proxy.clone();
    let bootstrap = |tenant: &control::TenantConfig| {
        tenant.key.clone().map(|key| proxy::BootstrapTenant {
            id: tenant.id.clone(),
            key,
            zero_retention: tenant.zero_retention,
            constraints: tenant.constraints.clone(),
            rules: tenant.rules.clone(),
            rule: tenant.rule.clone(),
            passthrough: tenant.passthrough,
            cache: tenant.cache,
            firewall: tenant.firewall.clone(),
        })
    };
    proxy::Config {
        listen: section.listen,
        admin_listen: None,
        data_dir: config.data_dir.join("proxy"),
        node: section.node,
        drain_ms: section.drain_ms,
        log: config.log,
        log_filter: config.log_filter.clone(),
        control: proxy::Control::default(),
        limits: section.limits,
        addresses: section.addresses,
        timeouts: section.timeouts,
        retry: section.retry,
        hedge: section.hedge,
        upstream: section.upstream,
        breaker: section.breaker,
        disconnect: section.disconnect,
        spool: section.spool,
        scoring: section.scoring,
        sessions: section.sessions,
        batches: section.batches,
        credentials: config.credentials.clone(),
        cache: section.cache,
        firewall: section.firewall,
        mcp: section.mcp,
        redis: section.redis,
        qdrant: section.qdrant,
        traces: section.traces,
        providers: config.providers.clone(),
        tenants: config.tenants.iter().filter_map(bootstrap).collect(),
    }
}
