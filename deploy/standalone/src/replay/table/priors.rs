//! What public benchmarks say of models: `{"prior": {"model": 0..1}}`.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::ids::CandidateKey;
use serde::Deserialize;

/// Benchmarks by key or by bare name.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::replay) struct Priors {
    prior: BTreeMap<String, f64>,
}

/// Why a file holds no priors.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPriors {
    #[error("it is not {{\"prior\": {{model: number}}}}: {0}")]
    Json(#[from] serde_json::Error),
    #[error("prior.{model} is {value}, it must be a number from 0 to 1")]
    Value { model: String, value: f64 },
}

impl Priors {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPriors> {
        let priors: Self = serde_json::from_str(text)?;
        let wild = priors
            .prior
            .iter()
            .find(|(_, value)| !(0.0..=1.0).contains(*value));
        match wild {
            Some((model, value)) => Err(InvalidPriors::Value {
                model: model.clone(),
                value: *value,
            }),
            None => Ok(priors),
        }
    }

    pub(super) fn of(&self, key: &CandidateKey) -> Option<f64> {
        let named = self
            .prior
            .get(key.as_str())
            .or_else(|| self.prior.get(key.model()));
        named.copied()
    }

    /// The names that mean none of these candidates.
    pub(super) fn without(&self, known: &BTreeSet<CandidateKey>) -> Vec<String> {
        let means = |name: &str| {
            known
                .iter()
                .any(|key| key.as_str() == name || key.model() == name)
        };
        self.prior
            .keys()
            .filter(|name| !means(name))
            .cloned()
            .collect()
    }
}
