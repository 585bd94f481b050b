//! `/v1/operator` in its own document: the control plane alone answers it, to whoever runs it.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

mod pool;
mod providers;
mod queue;
mod system;

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    super::{Routes, operation::Operation, parts::Deleted},
    decisions::moment,
    keys::{Key, KeyInput},
};
use crate::rest::operator::{self, audit, keys, proxies, tenants};

/// A tenant as it is asked for.
#[derive(ToSchema)]
struct TenantInput {
    /// Stays taken for ever.
    #[schema(pattern = r"^[a-zA-Z0-9_-]{1,64}$", example = "initech")]
    id: String,
    /// For people; spaces around it are taken off.
    #[schema(required = false, max_length = 100)]
    name: String,
    /// The name of a plan; null: it is held to nothing.
    plan: Option<String>,
    /// Serves where no other candidate may.
    default_model: Option<String>,
    #[schema(required = false, default = true)]
    enabled: bool,
    /// Nothing of its content is kept.
    #[schema(required = false, default = false)]
    zero_retention: bool,
    /// What shadow calls may cost between two midnights UTC; null: limited by their share alone.
    #[schema(minimum = 0, maximum = 999_999_999)]
    shadow_budget_usd_per_day: Option<f64>,
    limits: Option<MostInput>,
}

/// What is to be changed: what is missing stays.
#[derive(ToSchema)]
struct TenantChange {
    #[schema(required = false, max_length = 100)]
    name: String,
    plan: Option<String>,
    default_model: Option<String>,
    #[schema(required = false)]
    enabled: bool,
    #[schema(required = false)]
    zero_retention: bool,
    #[schema(minimum = 0, maximum = 999_999_999)]
    shadow_budget_usd_per_day: Option<f64>,
    limits: Option<MostInput>,
}

/// Most that the tenant's own limits may come to; what is missing stays, null is no limit.
#[derive(ToSchema)]
struct MostInput {
    /// Of each key at each proxy.
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    max_requests_per_minute: Option<u32>,
    /// Of all replies of a month.
    #[schema(minimum = 0.000_001, maximum = 999_999_999)]
    cost_limit_monthly_usd: Option<f64>,
}

#[derive(ToSchema)]
struct Tenant {
    id: String,
    object: String,
    name: String,
    source: TenantSource,
    enabled: bool,
    plan: Option<String>,
    default_model: Option<String>,
    zero_retention: bool,
    shadow_budget_usd_per_day: Option<f64>,
    limits: Most,
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// Of its first key: told when the tenant is made.
    #[schema(nullable = false)]
    key_id: Option<String>,
    /// The first key itself: told when the tenant is made, and never again.
    #[schema(nullable = false)]
    key: Option<String>,
}

/// What the configuration says of a tenant is changed there.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum TenantSource {
    Configuration,
    Store,
}

#[derive(ToSchema)]
struct Most {
    max_requests_per_minute: Option<u32>,
    cost_limit_monthly_usd: Option<f64>,
}

/// What can be sold; null: not limited.
#[derive(ToSchema)]
struct SoldPlan {
    name: String,
    object: String,
    source: PlanSource,
    /// That have it.
    tenants: u64,
    requests_per_month: Option<u64>,
    ratings_per_month: Option<u64>,
    /// Of each key.
    requests_per_minute: Option<u32>,
    projects: Option<u32>,
    /// Days that calls are kept.
    log_retention_days: Option<u32>,
    features: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum PlanSource {
    Builtin,
    Configuration,
}

/// A proxy that is connected, or was.
#[derive(ToSchema)]
struct Proxy {
    id: String,
    object: String,
    connected: bool,
    version: Option<String>,
    providers: Vec<String>,
    #[schema(format = DateTime)]
    connected_since: Option<String>,
    #[schema(format = DateTime)]
    last_seen: Option<String>,
    #[schema(format = DateTime)]
    last_ack: Option<String>,
    /// That it last answered.
    snapshot_version: Option<u64>,
    newest_snapshot_version: u64,
    tables_behind: u64,
    /// The first 50 of these.
    #[schema(max_items = 50)]
    behind: Vec<TableBehind>,
    /// Tables that it refused, and has nothing newer of.
    #[schema(max_items = 50)]
    rejected: Vec<TableRefused>,
    /// Since the control plane started.
    events_received: u64,
    #[schema(format = DateTime)]
    last_event: Option<String>,
}

#[derive(ToSchema)]
struct TableBehind {
    table: String,
    /// Null: it has none.
    version: Option<u64>,
    newest_version: u64,
}

#[derive(ToSchema)]
struct TableRefused {
    table: String,
    version: u64,
    reason: String,
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// A change, and whose.
#[derive(ToSchema)]
struct TenantChanged {
    /// Grows with time.
    id: u64,
    /// Null: of no tenant, as everybody's credentials are.
    tenant: Option<String>,
    #[schema(format = DateTime)]
    at: String,
    actor: String,
    role: Option<String>,
    action: ChangeAction,
    resource: String,
    /// SHA-256 of the document before, in hexadecimal; null: there was none.
    before_sha256: Option<String>,
    after_sha256: Option<String>,
    /// `x-request-id` of the request that made the change; null: it was made without one, as at a start.
    request_id: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum ChangeAction {
    Create,
    Update,
    Delete,
}

#[derive(ToSchema)]
struct ControlStatus {
    version: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    now: String,
    ready: bool,
    snapshot_version: u64,
    tables: u64,
    tenants: TenantCounts,
    proxies: ProxyCounts,
}

#[derive(ToSchema)]
struct TenantCounts {
    total: u64,
    disabled: u64,
}

#[derive(ToSchema)]
struct ProxyCounts {
    known: u64,
    connected: u64,
    behind: u64,
    refusing: u64,
}

/// Every operation of the operator's is one of these.
fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary).for_operators()
}

fn tenants_routes() -> Routes {
    Routes::of("Tenants")
        .get(
            "/v1/operator/tenants",
            tenants::list,
            operation("listTenants", "Tenants").pages().answers_page::<Tenant>("The tenants, by their ids."),
        )
        .post(
            "/v1/operator/tenants",
            tenants::create,
            operation("createTenant", "Make a tenant")
                .says("An id that is or was taken is refused with 400 `id_taken`.")
                .takes::<TenantInput>()
                .answers::<Tenant>(201, "The tenant, with its first key in `key`."),
        )
        .get(
            "/v1/operator/tenants/{id}",
            tenants::get,
            operation("getTenant", "One tenant").answers::<Tenant>(200, "The tenant."),
        )
        .patch(
            "/v1/operator/tenants/{id}",
            tenants::change,
            operation("changeTenant", "Change a tenant")
                .says("Null takes a plan, a default model, a budget or a limit away. What the configuration says of a \
                    tenant is refused with 400 `configured`.")
                .takes::<TenantChange>()
                .answers::<Tenant>(200, "The tenant as it is now."),
        )
        .delete(
            "/v1/operator/tenants/{id}",
            tenants::delete,
            operation("deleteTenant", "End a tenant for good")
                .says("With its keys and webhooks. Tenants of the configuration are taken out there first (400).")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn keys_routes() -> Routes {
    Routes::of("Tenants")
        .get(
            "/v1/operator/tenants/{id}/keys",
            keys::list,
            operation("listTenantKeys", "A tenant's keys")
                .answers_page::<Key>("The keys, none of them readable."),
        )
        .post(
            "/v1/operator/tenants/{id}/keys",
            keys::create,
            operation("createTenantKey", "Make a key of a tenant")
                .takes::<KeyInput>()
                .answers::<Key>(201, "The key, with its secret in `key`."),
        )
        .delete(
            "/v1/operator/tenants/{id}/keys/{key}",
            keys::revoke,
            operation("revokeTenantKey", "End a key of a tenant")
                .says("Any, even the last; those of the configuration are ended there (400).")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn audit_filters(operation: Operation) -> Operation {
    let text = || json!({"type": "string"});
    let actions: Value = json!({"type": "string", "enum": ["create", "update", "delete"]});
    operation
        .query("tenant", text(), "Changes that concern this tenant.")
        .query(
            "actor",
            text(),
            "Made by this actor, such as `key:key_1` or `operator`.",
        )
        .query("action", actions, "Of this kind.")
        .query(
            "resource",
            text(),
            "What the resource begins with, such as `key/`.",
        )
        .query("from", moment(), "Then or later.")
        .query("to", moment(), "Then or earlier.")
}

fn system_routes() -> Routes {
    Routes::of("System")
        .get(
            "/v1/operator/plans",
            operator::plans,
            operation("listPlans", "The plans in force")
                .answers_page::<SoldPlan>("The plans, by their names."),
        )
        .get(
            "/v1/operator/proxies",
            proxies::list,
            operation("listProxies", "Every proxy, and how far it is behind")
                .answers_page::<Proxy>("The proxies."),
        )
        .get(
            "/v1/operator/audit",
            audit::list,
            audit_filters(operation("listAllChanges", "Changes of all tenants"))
                .pages()
                .answers_page::<TenantChanged>("The changes, the newest first."),
        )
        .get(
            "/v1/operator/status",
            operator::status,
            operation("getStatus", "How the control plane is")
                .answers::<ControlStatus>(200, "The status."),
        )
}

pub(super) fn routes() -> Routes {
    tenants_routes()
        .and(keys_routes())
        .and(providers::routes())
        .and(pool::routes())
        .and(queue::routes())
        .and(system_routes())
        .and(system::routes())
}
