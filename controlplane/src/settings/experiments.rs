//! Experiments as they are written, and what becomes of them in a tenant's routing.

use std::collections::HashMap;

use floopy_shared::domain::{
    decision::Strategy,
    experiment::{Arrangement, Experiment, Scope, Variant},
    ids::{CandidateKey, TenantId},
    rule::{MAX_RULES, Rule},
    snapshot::Tenant,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    read,
    routing::{configured_id, name_of},
};
use crate::store::{StoreError, settings::Document};

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    /// Ended because it had said what it could.
    Completed,
    /// Ended because all calls should follow A again.
    RolledBack,
}

impl Status {
    pub(crate) const ALL: [Self; 3] = [Self::Active, Self::Completed, Self::RolledBack];

    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// The two rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variants {
    /// By their ids.
    Rules { a: String, b: String },
    /// Rules that exist as long as the experiment does, each of one model.
    Models { baseline: String, candidate: String },
}

/// An experiment as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WrittenExperiment {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) status: Status,
    /// Copies in place of a share of the sessions.
    pub(crate) is_shadow: bool,
    pub(crate) variants: Variants,
    /// The only model of each of the rules, where there is one.
    pub(crate) models: (Option<String>, Option<String>),
    pub(crate) percentage: u8,
    pub(crate) ended_ms: Option<u64>,
    /// Its results when it ended.
    pub(crate) summary: Option<Value>,
}

impl WrittenExperiment {
    /// Reads what was checked before it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        read(document)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub(crate) fn arrangement(&self) -> Arrangement {
        if self.is_shadow {
            Arrangement::Shadow
        } else {
            Arrangement::Canary
        }
    }

    /// Whether it decides on calls that name no rule.
    pub(crate) fn takes_unnamed(&self) -> bool {
        match self.variants {
            Variants::Rules { .. } => false,
            Variants::Models { .. } => true,
        }
    }

    /// Whether a rule of this id is one of its variants.
    pub(crate) fn has_rule(&self, rule: &str) -> bool {
        match &self.variants {
            Variants::Rules { a, b } => a == rule || b == rule,
            Variants::Models { .. } => false,
        }
    }

    /// The id of the rule of a variant.
    pub(crate) fn rule_id(&self, tenant: &TenantId, id: &str, variant: Variant) -> String {
        match (&self.variants, variant) {
            (Variants::Rules { a, .. }, Variant::A) => a.clone(),
            (Variants::Rules { b, .. }, Variant::B) => b.clone(),
            (Variants::Models { .. }, _) => configured_id(tenant, &implicit_name(id, variant)),
        }
    }

    /// Adds it to what routing follows, if it is under way. One whose rules are gone, or that a tenant has no room for,
    /// splits nothing: proxies would refuse all the tenant's rules with it.
    pub(crate) fn add_to(self, id: Uuid, tenant: &mut Tenant, own: &HashMap<String, String>) {
        let Some((a, b)) = self.names(id, tenant, own) else {
            return;
        };
        let experiment = Experiment {
            id,
            a,
            b,
            percentage: self.percentage,
            arrangement: self.arrangement(),
            scope: if self.takes_unnamed() {
                Scope::Unnamed
            } else {
                Scope::Rule
            },
        };
        let mut next = tenant.routing.clone();
        next.rules.extend(self.rules(id));
        next.experiments.push(experiment);
        match next.validate() {
            Ok(()) => tenant.routing = next,
            Err(error) => {
                tracing::error!(%error, tenant = %tenant.id, experiment = %id, "an experiment is left out");
            }
        }
    }

    fn names(
        &self,
        id: Uuid,
        tenant: &Tenant,
        own: &HashMap<String, String>,
    ) -> Option<(String, String)> {
        if !self.is_active() {
            return None;
        }
        let name = |rule: &str| name_of(rule, (&tenant.id, &tenant.routing), own);
        match &self.variants {
            Variants::Rules { a, b } => Some((name(a)?, name(b)?)),
            Variants::Models { .. } => {
                let id = id.to_string();
                let has_room = tenant.routing.rules.len() + 2 <= MAX_RULES;
                let of = |variant| implicit_name(&id, variant);
                has_room.then(|| (of(Variant::A), of(Variant::B)))
            }
        }
    }

    /// The rules that come and go with it.
    pub(crate) fn rules(&self, id: Uuid) -> Vec<Rule> {
        let Variants::Models {
            baseline,
            candidate,
        } = &self.variants
        else {
            return Vec::new();
        };
        let id = id.to_string();
        let rule = |(variant, model): (Variant, &String)| {
            let model = CandidateKey::parse(model).ok()?;
            Some(Rule {
                id: String::new(),
                name: implicit_name(&id, variant),
                strategy: Strategy::LegacyModel,
                models: vec![model],
                weights: Vec::new(),
                min_quality: None,
            })
        };
        let both = [(Variant::A, baseline), (Variant::B, candidate)];
        both.into_iter().filter_map(rule).collect()
    }
}

/// What the rule of a variant is called where it comes with the experiment.
fn implicit_name(id: &str, variant: Variant) -> String {
    let letter = variant.as_str().to_ascii_lowercase();
    format!("experiment-{id}-{letter}")
}
