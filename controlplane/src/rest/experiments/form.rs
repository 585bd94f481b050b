//! An experiment as it is asked for: by two rules, as the SDKs do, or by two models, as the documentation has it.

use floopy_shared::domain::{
    experiment::{Arrangement, Variant},
    ids::CandidateKey,
    rule::{MAX_RULES, Routing},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    super::{
        body,
        error::{ApiError, brief},
        rules,
        settings::Editing,
    },
    Stored,
};
use crate::{
    allowed,
    settings::experiments::{Status, Variants, WrittenExperiment},
};

const MAX_NAME_CHARS: usize = 200;
const MAX_DESCRIPTION_CHARS: usize = 1_000;
/// Half of the sessions, where the SDKs leave it out.
const USUAL_PERCENTAGE: i64 = 50;

const A: &str = "variant_a_routing_rule_id";
const B: &str = "variant_b_routing_rule_id";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByRules {
    name: String,
    #[serde(default)]
    description: Option<String>,
    variant_a_routing_rule_id: String,
    variant_b_routing_rule_id: String,
    #[serde(default)]
    split_percentage: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByModels {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    r#type: String,
    traffic_pct: i64,
    baseline: Target,
    candidate: Target,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    provider: String,
    model: String,
}

/// What is asked for, as far as it can be judged by itself.
pub(super) struct Asked {
    name: String,
    description: Option<String>,
    arrangement: Arrangement,
    percentage: u8,
    variants: Variants,
}

impl Asked {
    /// Reads either form; which one it is, the fields say.
    pub(super) fn read(fields: Map<String, Value>) -> Result<Self, ApiError> {
        let by_models = ["type", "traffic_pct", "baseline", "candidate"];
        let asked = if by_models.iter().any(|field| fields.contains_key(*field)) {
            Self::by_models(body::read(Value::Object(fields), "")?)?
        } else {
            Self::by_rules(body::read(Value::Object(fields), "")?)?
        };
        check_length("name", &asked.name, 1..=MAX_NAME_CHARS)?;
        let description = asked.description.as_deref().unwrap_or_default();
        check_length("description", description, 0..=MAX_DESCRIPTION_CHARS)?;
        Ok(asked)
    }

    fn by_rules(form: ByRules) -> Result<Self, ApiError> {
        let (a, b) = (
            form.variant_a_routing_rule_id,
            form.variant_b_routing_rule_id,
        );
        if a == b {
            let message = format!("{B} is {:?}, which is that of variant A, too", brief(&b));
            return Err(ApiError::invalid_body(B, message));
        }
        let percentage = form.split_percentage.unwrap_or(USUAL_PERCENTAGE);
        Ok(Self {
            name: form.name.trim().to_owned(),
            description: form.description,
            arrangement: Arrangement::Canary,
            percentage: read_percentage("split_percentage", percentage)?,
            variants: Variants::Rules { a, b },
        })
    }

    fn by_models(form: ByModels) -> Result<Self, ApiError> {
        let arrangement = Arrangement::parse(&form.r#type).ok_or_else(|| {
            let message = format!(
                "type is {:?}, it must be canary or shadow",
                brief(&form.r#type)
            );
            ApiError::invalid_body("type", message)
        })?;
        let baseline = read_target("baseline", &form.baseline)?;
        let candidate = read_target("candidate", &form.candidate)?;
        if baseline == candidate {
            let message = format!("candidate is {candidate}, which is the baseline, too");
            return Err(ApiError::invalid_body("candidate", message));
        }
        let name = form.name.map(|name| name.trim().to_owned());
        let usual = || {
            format!("{candidate} instead of {baseline}")
                .chars()
                .take(MAX_NAME_CHARS)
                .collect()
        };
        Ok(Self {
            name: name.unwrap_or_else(usual),
            description: form.description,
            arrangement,
            percentage: read_percentage("traffic_pct", form.traffic_pct)?,
            variants: Variants::Models {
                baseline: baseline.to_string(),
                candidate: candidate.to_string(),
            },
        })
    }

    /// What is written down of it, if everything that it names exists.
    pub(super) async fn resolve(
        self,
        editing: &mut Editing<'_>,
    ) -> Result<WrittenExperiment, ApiError> {
        let models = match &self.variants {
            Variants::Rules { a, b } => {
                let tenant = editing.tenant();
                let known = rules::all(&mut editing.tx, &tenant).await?;
                (only_model(&known, (A, a))?, only_model(&known, (B, b))?)
            }
            Variants::Models {
                baseline,
                candidate,
            } => (Some(baseline.clone()), Some(candidate.clone())),
        };
        let written = WrittenExperiment {
            name: self.name,
            description: self.description,
            status: Status::Active,
            is_shadow: self.arrangement == Arrangement::Shadow,
            variants: self.variants,
            models,
            percentage: self.percentage,
            ended_ms: None,
            summary: None,
        };
        check_models(editing, &written).await?;
        Ok(written)
    }
}

fn check_length(
    field: &str,
    text: &str,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), ApiError> {
    let chars = text.chars().count();
    if allowed.contains(&chars) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    let message = format!("{field} has {chars} characters, it must have {least} to {most}");
    Err(ApiError::invalid_body(field, message))
}

fn read_percentage(field: &str, value: i64) -> Result<u8, ApiError> {
    let fits = u8::try_from(value).ok().filter(|p| *p <= 100);
    fits.ok_or_else(|| {
        let message = format!("{field} is {value}, it must be an integer from 0 to 100");
        ApiError::invalid_body(field, message)
    })
}

fn read_target(field: &str, target: &Target) -> Result<CandidateKey, ApiError> {
    CandidateKey::new(&target.provider, &target.model)
        .map_err(|e| ApiError::invalid_body(field, format!("{field}: {e}")))
}

/// The only model of a rule, where it has one; refuses a rule that is not there.
fn only_model(known: &[Value], (field, id): (&str, &str)) -> Result<Option<String>, ApiError> {
    let found = known.iter().find(|rule| rule["id"] == id);
    let rule = found.ok_or_else(|| {
        let message = format!("{field} is {:?}, which is not known", brief(id));
        ApiError::invalid_body(field, message)
    })?;
    Ok(match rule["models"].as_array().map(Vec::as_slice) {
        Some([only]) => only.as_str().map(str::to_owned),
        Some(_) | None => None,
    })
}

/// Refuses models that nobody knows, that the tenant rules out, or that do different things.
async fn check_models(
    editing: &mut Editing<'_>,
    written: &WrittenExperiment,
) -> Result<(), ApiError> {
    let tenant = editing.current().await?;
    let catalog = editing.catalog();
    let alone = Routing {
        rules: written.rules(Uuid::nil()),
        ..Routing::default()
    };
    allowed::routing(&catalog, &alone, &tenant.constraints).map_err(|refused| {
        let of_a = refused.field.starts_with("rules[0]");
        let param = if of_a { "baseline" } else { "candidate" };
        ApiError::invalid_body(param, format!("{param}: {}", refused.message))
    })?;
    let kind = |at: usize| {
        let key = alone.rules.get(at)?.models.first()?;
        Some(catalog.get(key)?.kind)
    };
    if kind(0) != kind(1) {
        let message = "candidate answers another kind of call than baseline";
        return Err(ApiError::invalid_body("candidate", message));
    }
    Ok(())
}

/// Refuses a second experiment on the same calls: a rule is a variant of one at a time, one decides on calls that name no
/// rule, and that one not while the tenant's own default is being tried.
pub(super) async fn check_free(
    editing: &mut Editing<'_>,
    active: impl Iterator<Item = &Stored> + Clone,
    written: &WrittenExperiment,
) -> Result<(), ApiError> {
    let tenant = editing.current().await?;
    let taken = |field: &str, what: &str, by: &Stored| {
        let id = &by.document.id;
        let message = format!("{field} is {what} the active experiment {id}; end that first");
        Err(ApiError::invalid_body(field, message))
    };
    let default = tenant.routing.rule.as_deref();
    let default = match default {
        Some(name) => default_id(editing, name).await?,
        None => None,
    };
    let unnamed = || active.clone().find(|stored| stored.written.takes_unnamed());
    match &written.variants {
        Variants::Rules { a, b } => {
            for (field, rule) in [(A, a), (B, b)] {
                let is_variant = |stored: &&Stored| {
                    let of = |variant| stored.rule_id(&tenant.id, variant) == *rule;
                    of(Variant::A) || of(Variant::B)
                };
                if let Some(by) = active.clone().find(is_variant) {
                    return taken(field, "a variant of", by);
                }
                if let Some(by) = unnamed().filter(|_| default.as_ref() == Some(rule)) {
                    return taken(field, "the default rule, in whose place stands", by);
                }
            }
            Ok(())
        }
        Variants::Models { .. } => {
            if let Some(by) = unnamed() {
                return taken("baseline", "for calls that name no rule, as is that of", by);
            }
            let tried =
                |stored: &&Stored| default.as_ref().is_some_and(|d| stored.written.has_rule(d));
            if let Some(by) = active.clone().find(tried) {
                return taken(
                    "baseline",
                    "to stand in place of the default rule, a variant of",
                    by,
                );
            }
            let rules = tenant.routing.rules.len();
            if rules + 2 > MAX_RULES {
                let message = format!(
                    "baseline and candidate are two more rules beside {rules}, of at most {MAX_RULES}"
                );
                return Err(ApiError::invalid_body("baseline", message));
            }
            Ok(())
        }
    }
}

/// The id of the tenant's default rule.
async fn default_id(editing: &mut Editing<'_>, name: &str) -> Result<Option<String>, ApiError> {
    let tenant = editing.tenant();
    let known = rules::all(&mut editing.tx, &tenant).await?;
    let found = known.iter().find(|rule| rule["name"] == name);
    Ok(found
        .and_then(|rule| rule["id"].as_str())
        .map(str::to_owned))
}
