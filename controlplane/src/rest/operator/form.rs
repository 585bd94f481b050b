//! A tenant as the operator writes it, and as it is told.

use floopy_shared::domain::{ids::TenantId, money::micro_usd};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    app::find_model,
    rest::{
        Api,
        body::{self},
        error::{ApiError, brief},
        view::moment,
    },
    settings::limits::MAX_MICRO_USD,
    store::tenants::managed::{Caps, Managed},
};

const MAX_NAME_CHARS: usize = 100;

/// What may be said of a tenant. What is missing stays as it is; `null` goes back to nothing, where there is nothing to go
/// back to, and is refused elsewhere.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    enabled: Option<bool>,
    #[serde(deserialize_with = "given")]
    plan: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    default_model: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    zero_retention: Option<bool>,
    #[serde(deserialize_with = "given")]
    shadow_budget_usd_per_day: Option<Option<f64>>,
    #[serde(deserialize_with = "given")]
    limits: Option<Option<WrittenMost>>,
}

/// Most that a tenant's own limits may come to, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenMost {
    #[serde(deserialize_with = "given")]
    max_requests_per_minute: Option<Option<u32>>,
    #[serde(deserialize_with = "given")]
    cost_limit_monthly_usd: Option<Option<f64>>,
}

/// The same as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Most {
    max_requests_per_minute: Option<u32>,
    cost_limit_monthly_usd: Option<f64>,
}

/// Tells what is `null` from what is missing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Written {
    pub(super) fn read(fields: Map<String, Value>) -> Result<Self, ApiError> {
        // What is read into a type could be a list of its fields as well.
        if let Some(list) = fields.get("limits").filter(|limits| limits.is_array()) {
            let message = format!("limits: {list} is an array, it must be an object or null");
            return Err(ApiError::invalid_body("limits", message));
        }
        body::read(Value::Object(fields), "")
    }

    /// Changes a tenant, if every value is one that it may have.
    pub(super) fn apply_to(self, tenant: &mut Managed, api: &Api) -> Result<(), ApiError> {
        if tenant.is_configured {
            self.refuse_configured(&tenant.id)?;
        }
        if let Some(name) = self.name {
            tenant.name = read_name(&name)?;
        }
        if let Some(enabled) = self.enabled {
            tenant.is_disabled = !enabled;
        }
        if let Some(plan) = self.plan {
            tenant.plan = plan.map(|name| known_plan(api, name)).transpose()?;
        }
        if let Some(model) = self.default_model {
            let find = |name: String| known_model(api, &tenant.id, &name);
            tenant.default_model = model.map(find).transpose()?;
        }
        if let Some(zero_retention) = self.zero_retention {
            tenant.zero_retention = zero_retention;
        }
        if let Some(budget) = self.shadow_budget_usd_per_day {
            let read = |usd| amount("shadow_budget_usd_per_day", usd, 0.0);
            tenant.shadow_budget_micro_usd_per_day = budget.map(read).transpose()?;
        }
        if let Some(limits) = self.limits {
            let change = |limits: WrittenMost| limits.over(tenant.caps);
            tenant.caps = limits.map_or(Ok(Caps::default()), change)?;
        }
        Ok(())
    }

    /// What the configuration says would be so again at the next start.
    fn refuse_configured(&self, id: &TenantId) -> Result<(), ApiError> {
        let said = [
            ("plan", self.plan.is_some()),
            ("default_model", self.default_model.is_some()),
            ("zero_retention", self.zero_retention.is_some()),
            (
                "shadow_budget_usd_per_day",
                self.shadow_budget_usd_per_day.is_some(),
            ),
        ];
        match said.into_iter().find(|(_, is_said)| *is_said) {
            Some((field, _)) => {
                let message = format!(
                    "{field} of tenant {id} is what the configuration says; change it there"
                );
                Err(ApiError::invalid_field("configured", field, message))
            }
            None => Ok(()),
        }
    }
}

impl WrittenMost {
    /// What is there by now, with what is written on top.
    fn over(self, mut caps: Caps) -> Result<Caps, ApiError> {
        if self.max_requests_per_minute == Some(Some(0)) {
            let message = "limits.max_requests_per_minute is 0, which lets nothing pass; to switch a tenant off, set \
                enabled to false";
            let param = "limits.max_requests_per_minute";
            return Err(ApiError::invalid_body(param, message));
        }
        if let Some(most) = self.max_requests_per_minute {
            caps.requests_per_minute = most;
        }
        if let Some(most) = self.cost_limit_monthly_usd {
            // A millionth of a dollar is the least that is counted.
            let read = |usd| amount("limits.cost_limit_monthly_usd", usd, 1e-6);
            caps.micro_usd_per_month = most.map(read).transpose()?;
        }
        Ok(caps)
    }
}

fn amount(param: &str, usd: f64, least: f64) -> Result<u64, ApiError> {
    let found = micro_usd(usd).filter(|micro_usd| usd >= least && *micro_usd < MAX_MICRO_USD);
    found.ok_or_else(|| {
        let from = if least > 0.0 { "above 0" } else { "at least 0" };
        let message = format!("{param} is {usd}, it must be {from} and below a billion");
        ApiError::invalid_body(param, message)
    })
}

fn read_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let chars = name.chars().count();
    if chars <= MAX_NAME_CHARS && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let message = format!(
        "name has {chars} characters, it must have at most {MAX_NAME_CHARS}, and none that controls a terminal"
    );
    Err(ApiError::invalid_body("name", message))
}

fn known_plan(api: &Api, name: String) -> Result<String, ApiError> {
    let plans = &api.in_force.now().plans;
    if plans.named(&name).is_some() {
        return Ok(name);
    }
    let (name, known) = (brief(&name), plans.names());
    let message = format!("{name:?} is not a plan; it must be one of {known}");
    Err(ApiError::invalid_body("plan", message))
}

fn known_model(api: &Api, tenant: &TenantId, name: &str) -> Result<String, ApiError> {
    let found = find_model(&api.in_force.now().models.of(tenant), name);
    let found = found.map_err(|message| ApiError::invalid_body("default_model", message))?;
    Ok(found.to_string())
}

/// A tenant as it is told.
#[derive(Debug, Serialize)]
pub(super) struct View {
    id: String,
    object: &'static str,
    name: String,
    source: &'static str,
    enabled: bool,
    plan: Option<String>,
    default_model: Option<String>,
    zero_retention: bool,
    shadow_budget_usd_per_day: Option<f64>,
    limits: Most,
    created_at: Option<String>,
}

impl From<&Managed> for View {
    fn from(tenant: &Managed) -> Self {
        // Amounts up to billions keep their micro-dollars.
        #[expect(
            clippy::cast_precision_loss,
            reason = "told in dollars by the contract"
        )]
        let usd = |micro_usd: u64| micro_usd as f64 / 1e6;
        Self {
            id: tenant.id.to_string(),
            object: "tenant",
            name: tenant.name.clone(),
            source: if tenant.is_configured {
                "configuration"
            } else {
                "store"
            },
            enabled: !tenant.is_disabled,
            plan: tenant.plan.clone(),
            default_model: tenant.default_model.clone(),
            zero_retention: tenant.zero_retention,
            shadow_budget_usd_per_day: tenant.shadow_budget_micro_usd_per_day.map(usd),
            limits: Most {
                max_requests_per_minute: tenant.caps.requests_per_minute,
                cost_limit_monthly_usd: tenant.caps.micro_usd_per_month.map(usd),
            },
            created_at: moment(tenant.created_ms),
        }
    }
}

/// The same as JSON.
pub(super) fn describe(tenant: &Managed) -> Result<Value, ApiError> {
    serde_json::to_value(View::from(tenant)).map_err(|_| ApiError::internal())
}
