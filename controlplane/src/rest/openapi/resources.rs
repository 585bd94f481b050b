//! The resources of the public API, a file for each group of routes: shapes, descriptions and handlers.

mod audit;
mod batches;
mod brief;
mod cache;
mod calls;
mod constraints;
mod datasets;
mod decision;
mod decisions;
mod evaluations;
mod experiments;
mod export;
mod firewall;
mod judge;
mod keys;
mod mcp;
mod needs;
mod operator;
mod optimization;
mod outcome;
mod pool;
mod priced;
mod projects;
mod promotions;
mod prompts;
mod providers;
mod rankings;
mod ratings;
mod replay;
mod routing;
mod rules;
mod session;
mod usage;
mod webhooks;

use serde_json::{Value, json};

use super::Routes;

/// All of them.
pub(super) fn all() -> Routes {
    let groups = [
        calls::routes(),
        batches::routes(),
        ratings::routes(),
        judge::routes(),
        decisions::routes(),
        export::routes(),
        routing::routes(),
        rules::routes(),
        constraints::routes(),
        experiments::routes(),
        promotions::routes(),
        optimization::routes(),
        pool::routes(),
        session::routes(),
        prompts::routes(),
        datasets::routes(),
        evaluations::routes(),
        projects::routes(),
        keys::routes(),
        providers::routes(),
        webhooks::routes(),
        usage::routes(),
        cache::routes(),
        firewall::routes(),
        mcp::routes(),
        audit::routes(),
    ];
    groups.into_iter().fold(Routes::of(""), Routes::and)
}

/// What whoever runs the service can ask for.
pub(super) fn operators() -> Routes {
    operator::routes()
}

/// What the operator's groups are for.
pub(super) fn operators_tags() -> Value {
    json!([
        {"name": "Tenants", "description": "Whom the service is run for, with their API keys."},
        {"name": "Queue", "description": "Replies that wait to be judged, and those that no judge could score."},
        {"name": "System", "description": "Plans, proxies, what is known of models, and who changed what."},
    ])
}

/// What the groups are for, in their order.
const TAGS: [(&str, &str); 21] = [
    (
        "Calls",
        "Calls to models, in the words of OpenAI's and Anthropic's APIs.",
    ),
    (
        "Batches",
        "Many calls at once that may take until tomorrow, in OpenAI's words.",
    ),
    (
        "Ratings",
        "What people say of sessions and of single replies; routing learns from it.",
    ),
    (
        "Decisions",
        "Which model served what, and why; also as a signed export.",
    ),
    (
        "Routing",
        "How `auto` decides: rules, and what is known of routing.",
    ),
    ("Constraints", "Limits, gates, and who may serve."),
    ("Experiments", "Two routing rules side by side."),
    (
        "Promotions",
        "How candidates come to serve, step by step, and who is pinned.",
    ),
    (
        "Optimization",
        "What routing saved, measured against the default model.",
    ),
    ("Sessions", "Conversations told again, and forgotten."),
    (
        "Prompts",
        "Messages that calls name instead of sending them, version by version.",
    ),
    (
        "Evaluations",
        "Data sets, asked of a model or of the router, and judged.",
    ),
    ("Projects", "What calls are counted for."),
    ("Keys", "API keys."),
    (
        "Providers",
        "The organisation's own credentials at model providers.",
    ),
    ("Webhooks", "Who is told of what happens."),
    ("Usage", "What calls used, and what is left of the month."),
    (
        "Cache",
        "Replies that are stored to be given again, and what that saves.",
    ),
    (
        "Firewall",
        "What is done about calls that look like attacks on the model.",
    ),
    (
        "Tools",
        "Servers of the Model Context Protocol whose tools models may call.",
    ),
    ("Audit", "Who changed what."),
];

/// The same, as the document has it.
pub(super) fn tags() -> Value {
    let tag = |(name, about): (&str, &str)| json!({"name": name, "description": about});
    TAGS.into_iter().map(tag).collect()
}
