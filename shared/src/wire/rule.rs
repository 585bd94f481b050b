//! A tenant's routing rules.

use floopy_proto::v1;

use super::{InvalidWire, names, non_empty, ranking};
use crate::domain::{
    constraints::MinQuality,
    rule::{Routing, Rule},
};

impl From<&Rule> for v1::Rule {
    fn from(rule: &Rule) -> Self {
        let min_quality = |m: MinQuality| v1::MinQuality {
            floor: m.floor,
            assurance: m.assurance,
        };
        Self {
            id: rule.id.clone(),
            name: rule.name.clone(),
            strategy: v1::Strategy::from(rule.strategy).into(),
            models: rule.models.iter().map(ToString::to_string).collect(),
            weights: rule.weights.clone(),
            min_quality: rule.min_quality.map(min_quality),
        }
    }
}

impl TryFrom<v1::Rule> for Rule {
    type Error = InvalidWire;

    fn try_from(rule: v1::Rule) -> Result<Self, InvalidWire> {
        let models = rule.models.iter().map(|key| ranking::candidate(key));
        let min_quality = |m: v1::MinQuality| MinQuality {
            floor: m.floor,
            assurance: m.assurance,
        };
        Ok(Self {
            id: rule.id,
            name: rule.name,
            strategy: names::strategy(rule.strategy)?,
            models: models.collect::<Result<_, _>>()?,
            weights: rule.weights,
            min_quality: rule.min_quality.map(min_quality),
        })
    }
}

impl From<&Routing> for v1::Routing {
    fn from(routing: &Routing) -> Self {
        Self {
            rules: routing.rules.iter().map(Into::into).collect(),
            rule: routing.rule.clone().unwrap_or_default(),
            passthrough: routing.passthrough,
            experiments: routing.experiments.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Routing> for Routing {
    type Error = InvalidWire;

    fn try_from(routing: v1::Routing) -> Result<Self, InvalidWire> {
        let rules = routing.rules.into_iter().map(TryInto::try_into);
        let experiments = routing.experiments.into_iter().map(TryInto::try_into);
        let routing = Self {
            rules: rules.collect::<Result<_, _>>()?,
            rule: non_empty(routing.rule),
            passthrough: routing.passthrough,
            experiments: experiments.collect::<Result<_, _>>()?,
        };
        routing
            .validate()
            .map_err(|e| InvalidWire::invalid("routing", e))?;
        Ok(routing)
    }
}
