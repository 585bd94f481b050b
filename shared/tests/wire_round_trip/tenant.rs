//! A tenant with everything that one can have.

use std::sync::Arc;

use floopy_shared::domain::{
    cache::{Caching, Flush, FlushOf, Semantic, SemanticMode},
    catalog::CatalogModel,
    constraints::{Constraints, MinQuality},
    credential::Sealed,
    decision::Strategy as Selected,
    experiment::{Arrangement, Experiment, Scope},
    firewall::{
        Firewall, Kept, Mode, OnFailure, Role as FirewallRole, Sent,
        output::{Leak, Output},
    },
    gates::{DEFAULT_GATES, Gates},
    ids::{KeyHash, TenantId},
    limits::Limits,
    mcp::{Agent, Auth, Mcp, Server, ServerId, StreamMode, Tools},
    plan::{Feature, Plan},
    prompt::{self, Message, Prompt, Prompts, Variable, Version},
    rate::{RateBy, RateLimit},
    rule::{Routing, Rule},
    snapshot::{ApiKey, Closed, Environment, KeyScope, Tenant},
};
use uuid::Uuid;

use super::key;

fn routing() -> Routing {
    let rule = |name: &str, strategy, weights: &[f64], floor: Option<f64>| Rule {
        id: format!("id of {name}"),
        name: name.into(),
        strategy,
        models: weights
            .iter()
            .zip([key("p/a"), key("p/b")])
            .map(|(_, k)| k)
            .collect(),
        weights: weights.to_vec(),
        min_quality: floor.map(|floor| MinQuality {
            floor,
            assurance: 0.8,
        }),
    };
    Routing {
        rules: vec![
            rule("cheap", Selected::Weighted, &[70.0, 0.5], None),
            rule("frugal", Selected::SmartCost, &[], Some(0.9)),
        ],
        rule: Some("cheap".into()),
        passthrough: true,
        experiments: vec![Experiment {
            id: Uuid::from_u128(5),
            a: "cheap".into(),
            b: "frugal".into(),
            percentage: 30,
            arrangement: Arrangement::Shadow,
            scope: Scope::Unnamed,
        }],
    }
}

fn caching() -> Caching {
    Caching {
        enabled: true,
        ttl_s: Some(60),
        semantic: Semantic {
            mode: SemanticMode::Shadow,
            threshold: Some(912),
            advanced: true,
        },
        generation: 9,
        flushed: 3,
        flushes: vec![
            Flush {
                generation: 8,
                of: FlushOf::Model(key("p/a")),
            },
            Flush {
                generation: 9,
                of: FlushOf::Request([7; 32]),
            },
            Flush {
                generation: 10,
                of: FlushOf::Rule("r".to_owned()),
            },
        ],
    }
}

fn firewall() -> Firewall {
    Firewall {
        mode: Mode::Block,
        threshold: Some(850),
        on_failure: OnFailure::Refuse,
        roles: vec![FirewallRole::User, FirewallRole::Tool],
        allow: vec!["ignore the noise".to_owned()].into(),
        kept: Kept::Whole,
        output: Output {
            mode: Mode::Log,
            kinds: vec![Leak::Secrets],
        },
        sent: Sent::Redacted,
    }
}

fn mcp() -> Mcp {
    let tenant = TenantId::new("acme").expect("valid");
    let server = |id: &str, tools, header: Option<&str>| {
        let id = ServerId::new(id).expect("valid");
        let secret = Sealed {
            id: Auth::place(&tenant, &id).expect("valid"),
            revision: 3,
            bytes: b"sealed".as_slice().into(),
        };
        let header = header.map(str::to_owned);
        Server {
            auth: Some(Auth { header, secret }),
            url: "https://tools.example/mcp".to_owned(),
            timeout_ms: 2_000,
            max_retries: 2,
            enabled: true,
            id,
            tools,
        }
    };
    Mcp {
        servers: vec![
            server("none", Tools::Only(Vec::new()), None).into(),
            server("search", Tools::All, Some("x-key")).into(),
        ],
        agent: Agent {
            max_rounds: 3,
            stream_mode: StreamMode::Disabled,
            tool_call_parallel: false,
            tool_cache_ttl_s: 0,
        },
    }
}

fn constraints() -> Constraints {
    Constraints {
        allow_providers: vec!["p".into()],
        deny_models: vec!["p/b".into(), "c".into()],
        max_cost_micro_usd: Some(2_000),
        max_latency_ms: Some(900),
        min_quality: Some(MinQuality {
            floor: 0.95,
            assurance: 0.7,
        }),
        ..Constraints::default()
    }
}

/// With everything that a tenant can have.
pub(super) fn tenant(own: CatalogModel) -> Tenant {
    Tenant {
        // Proxies are not told.
        implicit: std::sync::Arc::default(),
        rubric: Arc::default(),
        is_pooled: true,
        id: TenantId::new("acme").expect("valid"),
        keys: vec![api_key()],
        default_project: Some(Uuid::from_u128(9)),
        zero_retention: true,
        disabled: true,
        caching: caching(),
        firewall: firewall(),
        mcp: Some(mcp().into()),
        default_model: Some(key("p/a")),
        constraints: constraints(),
        shadow_budget_micro_usd_per_day: Some(5_000_000),
        routing: routing(),
        models: [own.into()].into(),
        gates: Some(Gates {
            max_outcome_variance: Some(0.2),
            max_cost_drop_without_validation: Some(0.5),
            confidence_threshold: 0.4,
            min_samples_before_promotion: Some(30),
            require_shadow_before_live: true,
            ..DEFAULT_GATES
        }),
        plan: Some(Arc::new(Plan {
            name: "pro".into(),
            requests_per_month: Some(1_000_000),
            ratings_per_month: None,
            requests_per_minute: Some(600),
            projects: Some(10),
            log_retention_days: Some(90),
            features: Feature::ALL.to_vec(),
        })),
        closed: Some(Closed::MonthlyCost { until_ms: 9 }),
        no_ratings_until_ms: Some(10),
        limits: Limits {
            cost_micro_usd_per_month: Some(9_000_000),
            token_window_s: Some(3_600),
            tokens_per_window: Some(100_000),
            requests_per_minute: Some(600),
        },
        rates: vec![
            rate(RateBy::Tenant, Some(5), None),
            rate(RateBy::Key, None, Some(6)),
            rate(RateBy::Property("customer".to_owned()), Some(7), Some(8)),
        ]
        .into(),
        budgets: super::budget::budgets().into(),
    }
}

fn api_key() -> ApiKey {
    ApiKey {
        id: "k".into(),
        hash: KeyHash::of("secret"),
        read: true,
        write: false,
        scope: KeyScope {
            project: Some(Uuid::from_u128(7)),
            environment: Some(Environment::Staging),
            requests_per_minute: Some(60),
            rule: Some("r".into()),
            evaluation: true,
        },
        default_project: Some(Uuid::from_u128(8)),
    }
}

fn rate(by: RateBy, requests: Option<u64>, tokens: Option<u64>) -> RateLimit {
    RateLimit {
        name: by.write().replace(':', "-"),
        when_named: by == RateBy::Key,
        by,
        window_s: 3_600,
        requests,
        tokens,
    }
}

/// Stored prompts with everything that one may have.
pub(super) fn prompts() -> Prompts {
    let message = |role| Message {
        role,
        content: format!("{{{{x}}}} as {}", prompt::Role::as_str(role)).into(),
    };
    let variable = |name: &str, default: Option<&str>| Variable {
        name: name.into(),
        default: default.map(Into::into),
        required: default.is_none(),
    };
    let version = |number| {
        Arc::new(Version {
            number,
            messages: prompt::Role::ALL.map(message).into(),
            variables: [variable("x", None), variable("y", Some(""))].into(),
        })
    };
    Prompts {
        tenant: TenantId::new("acme").expect("valid"),
        prompts: vec![Prompt {
            id: Uuid::from_u128(5),
            versions: vec![version(1), version(9)],
        }],
    }
}
