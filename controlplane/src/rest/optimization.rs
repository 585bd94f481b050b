//! `GET /v1/optimization/verification` and `/v1/optimization/savings`: routing against the tenant's default model,
//! by what both did under the same rule.

mod recorded;
pub(super) mod sessions;

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::{
    domain::{gates::DEFAULT_GATES, ids::TenantId, snapshot::Tenant},
    view::named,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Api,
    error::{ApiError, brief},
    query::{Pairs, unknown},
    reading, rules,
    view::moment,
};
use crate::{
    learn::versus_baseline::{
        Comparison, Reply, Saved, Savings, Side, compare, savings as savings_of,
    },
    settings as written,
    store::measured::{self, Asked},
};

/// The one window of verification, and what it is in milliseconds.
const WEEK: (&str, u64) = ("7d", 7 * DAY_MS);
/// Those of savings.
const WINDOWS: [(&str, u64); 3] = [("24h", DAY_MS), WEEK, ("30d", 30 * DAY_MS)];
const DAY_MS: u64 = 86_400_000;
/// Newest replies that are looked at for one answer; about a second's work.
const MOST_REPLIES: u32 = 200_000;
/// Probability with which what was saved lies within the interval.
const LEVEL: f64 = 0.95;

/// What is asked for.
struct Asking {
    route_id: Option<Uuid>,
    window: (&'static str, u64),
}

/// A rule of the tenant.
struct Route {
    id: String,
    name: String,
}

/// The tenant, its rules, and the time.
struct Asker {
    id: TenantId,
    tenant: Tenant,
    routes: Vec<Route>,
    now_ms: u64,
}

/// Whether routing is cheaper than the baseline and as good, for one rule.
pub(super) async fn verification(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let mut asker = Asker::of(&api, &headers).await?;
    let asking = asking(pairs, &[WEEK])?;
    let id = asking.route_id.ok_or_else(|| invalid_route_id(""))?;
    let route = asker.route(id)?;
    let (replies, is_complete) = asker
        .replies(&api, (&route, asking.window.1), MOST_REPLIES)
        .await?;
    let found = compare(&replies);
    let tolerated = asker.tolerated();
    Ok(Json(json!({
        "route_id": route.id,
        "window": asking.window.0,
        "status": found.status(tolerated).as_str(),
        "baseline": side(&found.baseline),
        "floopy": side(&found.routed),
        "delta": delta(&found),
        "baseline_model": asker.tenant.default_model.as_ref().map(named),
        "max_regression": tolerated,
        "is_complete": is_complete,
    })))
}

/// What routing saved against the baseline, for one rule or for each of them.
pub(super) async fn savings(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let mut asker = Asker::of(&api, &headers).await?;
    let asking = asking(pairs, &WINDOWS)?;
    let routes = match asking.route_id {
        Some(id) => vec![asker.route(id)?],
        None => std::mem::take(&mut asker.routes),
    };
    let share = MOST_REPLIES / u32::try_from(routes.len().max(1)).unwrap_or(u32::MAX);
    let mut items = Vec::new();
    let mut total = Total::default();
    let mut rules = Vec::new();
    for route in &routes {
        let (replies, is_complete) = asker.replies(&api, (route, asking.window.1), share).await?;
        rules.push(asker.rule(route, &replies));
        let found = savings_of(&replies);
        total.add(&found);
        let mut item = described(&found);
        item["route_id"] = json!(route.id);
        item["name"] = json!(route.name);
        item["is_complete"] = json!(is_complete);
        items.push(item);
    }
    let mut body = described(&total.all);
    body["window"] = json!(asking.window.0);
    body["from"] = json!(moment(asker.now_ms.saturating_sub(asking.window.1)));
    body["to"] = json!(moment(asker.now_ms));
    body["baseline_model"] = json!(asker.tenant.default_model.as_ref().map(named));
    body["routes_without_enough_data"] = json!(total.unknown);
    body["method"] = json!("measured_baseline_mean_by_kind_of_task");
    body["interval_level"] = json!(LEVEL);
    body["routes"] = json!(items);
    let only = asking.route_id.and_then(|_| rules.first().cloned());
    let asked = (asking.window.1, share, only.as_ref());
    body["recorded"] = asker.recorded(&api, rules, asked).await?;
    Ok(Json(body))
}

impl Asker {
    async fn of(api: &Api, headers: &HeaderMap) -> Result<Self, ApiError> {
        let (id, mut conn) = reading(api, headers).await?;
        let tenant = written::tenant(&mut conn, &id).await?;
        let text = |rule: &Value, key: &str| rule[key].as_str().unwrap_or_default().to_owned();
        let all = rules::all(&mut conn, &id).await?;
        let route = |rule: &Value| Route {
            id: text(rule, "id"),
            name: text(rule, "name"),
        };
        Ok(Self {
            routes: all.iter().map(route).collect(),
            id,
            tenant,
            now_ms: api.clock.now_ms(),
        })
    }

    fn route(&mut self, id: Uuid) -> Result<Route, ApiError> {
        let id = id.to_string();
        let at = self.routes.iter().position(|route| route.id == id);
        let at = at.ok_or_else(|| ApiError::not_found("no such routing rule"))?;
        Ok(self.routes.swap_remove(at))
    }

    /// By how much quality may be lower and still be none lower.
    fn tolerated(&self) -> f64 {
        let gates = self.tenant.gates.unwrap_or(DEFAULT_GATES);
        let tolerated = gates.max_regression.or(DEFAULT_GATES.max_regression);
        tolerated.map_or(0.0, |max| max.value)
    }

    /// The newest replies of the window, and whether these are all.
    async fn replies(
        &self,
        api: &Api,
        (route, window_ms): (&Route, u64),
        most: u32,
    ) -> Result<(Vec<Reply>, bool), ApiError> {
        let asked = Asked {
            tenant: &self.id,
            rule: &route.name,
            baseline: self.tenant.default_model.as_ref(),
            since_ms: self.now_ms.saturating_sub(window_ms),
        };
        let mut replies = measured::replies(&api.store, asked, most.saturating_add(1)).await?;
        let is_complete = replies.len() <= most as usize;
        replies.truncate(most as usize);
        Ok((replies, is_complete))
    }
}

/// Sums over rules; of those whose savings are not known, only their number.
#[derive(Default)]
struct Total {
    all: Savings,
    unknown: u64,
}

impl Total {
    fn add(&mut self, found: &Savings) {
        let Some(saved) = found.saved else {
            self.unknown += 1;
            return;
        };
        self.all.baseline_samples += found.baseline_samples;
        self.all.requests += found.requests;
        self.all.rerouted += found.rerouted;
        self.all.actual_micro_usd += found.actual_micro_usd;
        self.all.shadow_micro_usd += found.shadow_micro_usd;
        self.all.judging_micro_usd += found.judging_micro_usd;
        self.all.saved = Some(match self.all.saved {
            None => saved,
            // Rules err independently of each other.
            Some(sum) => {
                let micro_usd = sum.micro_usd + saved.micro_usd;
                let half = |saved: Saved| (saved.upper - saved.lower) / 2.0;
                let reach = half(sum).hypot(half(saved));
                Saved {
                    micro_usd,
                    lower: micro_usd - reach,
                    upper: micro_usd + reach,
                }
            }
        });
    }
}

fn asking(pairs: Pairs, windows: &[(&'static str, u64)]) -> Result<Asking, ApiError> {
    let pairs = pairs.read()?;
    let mut asking = Asking {
        route_id: None,
        window: WEEK,
    };
    for (key, value) in pairs {
        match key.as_str() {
            "route_id" | "window" if value.is_empty() => {}
            "route_id" => asking.route_id = Some(route_id(&value)?),
            "window" => asking.window = window(&value, windows)?,
            _ => return Err(unknown(&key, &["route_id", "window"])),
        }
    }
    Ok(asking)
}

/// Exactly the hyphenated form of a version 4 UUID, as rules have.
fn route_id(given: &str) -> Result<Uuid, ApiError> {
    let id = Uuid::try_parse(given).ok().filter(|_| given.len() == 36);
    id.filter(|id| id.get_version_num() == 4)
        .ok_or_else(|| invalid_route_id(given))
}

fn invalid_route_id(given: &str) -> ApiError {
    let found = if given.is_empty() {
        "missing".to_owned()
    } else {
        format!("{:?}", brief(given))
    };
    let message = format!(
        "route_id is {found}, it must be the id of a routing rule, a UUID v4 as in GET /v1/routing/rules"
    );
    ApiError::invalid_field("invalid_route_id", "route_id", message)
}

fn window(given: &str, windows: &[(&'static str, u64)]) -> Result<(&'static str, u64), ApiError> {
    let found = windows.iter().find(|(name, _)| *name == given);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = windows.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "window is {:?}, it must be {}",
            brief(given),
            names.join(" or ")
        );
        ApiError::invalid_query("window", message)
    })
}

fn side(side: &Side) -> Value {
    json!({
        "samples": side.samples,
        "avg_cost_micro_usd": side.mean_cost.map(whole),
        "composite_quality": side.quality.map(|quality| rounded(quality, 1_000.0)),
        "p50_latency_ms": side.p50_latency_ms,
    })
}

fn delta(found: &Comparison) -> Value {
    let latency = |side: &Side| side.p50_latency_ms.and_then(|ms| i64::try_from(ms).ok());
    let latencies = latency(&found.routed).zip(latency(&found.baseline));
    json!({
        "cost_pct": found.cost_pct().map(|pct| rounded(pct, 10.0)),
        "quality_abs": found.quality_gain().map(|gain| rounded(gain, 1_000.0)),
        "p50_latency_ms": latencies.map(|(own, base)| own - base),
    })
}

/// In whole micro-USD throughout.
fn described(found: &Savings) -> Value {
    let actual = i64::try_from(found.actual_micro_usd).unwrap_or(i64::MAX);
    let shadow = i64::try_from(found.shadow_micro_usd).unwrap_or(i64::MAX);
    let judging = i64::try_from(found.judging_micro_usd).unwrap_or(i64::MAX);
    let saved = found.saved.map(|saved| whole(saved.micro_usd));
    let interval = found.saved.map(|saved| {
        json!({
            "lower_micro_usd": whole(saved.lower),
            "upper_micro_usd": whole(saved.upper),
        })
    });
    json!({
        "status": if saved.is_some() { "measured" } else { "insufficient_data" },
        "baseline_samples": found.baseline_samples,
        "requests": found.requests,
        "rerouted_requests": found.rerouted,
        "actual_cost_micro_usd": actual,
        "counterfactual_cost_micro_usd": saved.map(|saved| actual.saturating_add(saved)),
        "savings_micro_usd": saved,
        "savings_interval": interval,
        "shadow_cost_micro_usd": shadow,
        "judge_cost_micro_usd": judging,
        "net_savings_micro_usd": saved.map(|saved| saved.saturating_sub(shadow)),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "sums of money stay far below 2^53 micro-USD"
)]
fn whole(micro_usd: f64) -> i64 {
    micro_usd.round() as i64
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
