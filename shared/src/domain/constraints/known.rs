//! Whether the names in constraints mean anything, and whether they leave somebody to serve.

use super::{Constraints, InvalidConstraints, invalid, names_candidate};
use crate::domain::catalog::{Catalog, ModelKind};

impl Constraints {
    /// Refuses names that no known model or provider has.
    pub fn check_names(&self, catalog: &Catalog) -> Result<(), InvalidConstraints> {
        let of_providers = [
            ("allow_providers", &self.allow_providers),
            ("deny_providers", &self.deny_providers),
        ];
        for (field, names) in of_providers {
            let unknown = names.iter().find(|name| !is_provider(catalog, name));
            if let Some(name) = unknown {
                let reason = format!(
                    "{name:?} is not the provider of any known model; the operator has to add its models to the catalog"
                );
                return invalid(field, reason);
            }
        }
        let of_models = [
            ("allow_models", &self.allow_models),
            ("deny_models", &self.deny_models),
        ];
        for (field, names) in of_models {
            let unknown = names.iter().find(|name| !is_model(catalog, name));
            if let Some(name) = unknown {
                let reason = format!(
                    "{name:?} is not a known model; write provider/model or a model's name, or have the operator add it \
                     to the catalog"
                );
                return invalid(field, reason);
            }
        }
        Ok(())
    }

    /// Refuses constraints that leave no chat model, where there are some; says which of them do.
    pub fn check_somebody_serves(&self, catalog: &Catalog) -> Result<(), String> {
        let mut chat = catalog
            .models()
            .iter()
            .filter(|model| model.kind == ModelKind::Chat)
            .peekable();
        if chat.peek().is_none() || chat.any(|model| self.forbids(&model.key).is_none()) {
            return Ok(());
        }
        let listed = |field: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{field} = {names:?}"))
        };
        let written: Vec<String> = [
            listed("allow_providers", &self.allow_providers),
            listed("deny_providers", &self.deny_providers),
            listed("allow_models", &self.allow_models),
            listed("deny_models", &self.deny_models),
        ]
        .into_iter()
        .flatten()
        .collect();
        Err(format!(
            "{} leave no chat model that could serve",
            written.join(", ")
        ))
    }
}

fn is_provider(catalog: &Catalog, name: &str) -> bool {
    let models = catalog.models().iter();
    models.into_iter().any(|model| model.key.provider() == name)
}

fn is_model(catalog: &Catalog, name: &str) -> bool {
    let models = catalog.models().iter();
    models
        .into_iter()
        .any(|model| names_candidate(name, &model.key))
}
