//! Whether the names in a tenant's constraints mean anything, and whether they leave somebody to serve.

use floopy_shared::domain::{
    catalog::{Catalog, ModelKind},
    constraints::{Constraints, names_candidate},
    ids::CandidateKey,
};

use super::Error;
use crate::config::TenantConfig;

/// The tenant's constraints, if every name is known and its default model keeps them.
pub(super) fn constraints(
    catalog: &Catalog,
    (index, tenant): (usize, &TenantConfig),
    default_model: Option<&CandidateKey>,
) -> Result<Constraints, Error> {
    let key = |name: &str| format!("tenants[{index}].constraints.{name}");
    let constraints = tenant.constraints.to_domain();
    let of_providers = [
        ("allow_providers", &constraints.allow_providers),
        ("deny_providers", &constraints.deny_providers),
    ];
    for (field, names) in of_providers {
        let unknown = names.iter().find(|name| !is_provider(catalog, name));
        if let Some(name) = unknown {
            let message = format!(
                "{name:?} is not the provider of any known model; add its models under [[models]]"
            );
            return Err(Error::config(key(field), message));
        }
    }
    let of_models = [
        ("allow_models", &constraints.allow_models),
        ("deny_models", &constraints.deny_models),
    ];
    for (field, names) in of_models {
        let unknown = names.iter().find(|name| !is_model(catalog, name));
        if let Some(name) = unknown {
            let message = format!(
                "{name:?} is not a known model; write provider/model or a model's name, or add it under [[models]]"
            );
            return Err(Error::config(key(field), message));
        }
    }
    check_somebody_serves(catalog, &constraints)
        .map_err(|message| Error::config(format!("tenants[{index}].constraints"), message))?;
    if let Some(model) = default_model
        && let Some(filter) = constraints.forbids(model)
    {
        let field = filter.as_str().trim_start_matches("constraint_");
        let message = format!("{model} is ruled out by constraints.{field} of the same tenant");
        return Err(Error::config(
            format!("tenants[{index}].default_model"),
            message,
        ));
    }
    Ok(constraints)
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

fn check_somebody_serves(catalog: &Catalog, constraints: &Constraints) -> Result<(), String> {
    let mut chat = catalog
        .models()
        .iter()
        .filter(|model| model.kind == ModelKind::Chat)
        .peekable();
    if chat.peek().is_none() || chat.any(|model| constraints.forbids(&model.key).is_none()) {
        return Ok(());
    }
    let listed =
        |field: &str, names: &[String]| (!names.is_empty()).then(|| format!("{field} = {names:?}"));
    let written: Vec<String> = [
        listed("allow_providers", &constraints.allow_providers),
        listed("deny_providers", &constraints.deny_providers),
        listed("allow_models", &constraints.allow_models),
        listed("deny_models", &constraints.deny_models),
    ]
    .into_iter()
    .flatten()
    .collect();
    Err(format!(
        "{} leave no chat model that could serve",
        written.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use crate::{app::setup::check, config::Config};

    const MODELS: &str = "builtin_models = false\n\
        [[models]]\nprovider = \"p\"\nmodel = \"a\"\n\
        [[models]]\nprovider = \"q\"\nmodel = \"b\"\n\
        [[tenants]]\nid = \"t\"\n";

    fn refuse(default_model: &str, constraints: &str) -> Option<String> {
        let text = format!("{MODELS}{default_model}\n[tenants.constraints]\n{constraints}\n");
        let config: Config = parse(&text, "floopy.toml").expect(constraints);
        check(&config).err().map(|error| error.to_string())
    }

    #[test]
    fn names_that_nobody_has_are_refused_by_key_and_value() {
        let cases = [
            (
                "",
                "deny_providers = [\"pp\"]",
                "tenants[0].constraints.deny_providers: \"pp\" is not the provider",
            ),
            (
                "",
                "allow_models = [\"p/b\"]",
                "tenants[0].constraints.allow_models: \"p/b\" is not a known model",
            ),
            (
                "",
                "allow_providers = [\"p\"]\ndeny_models = [\"a\"]",
                "tenants[0].constraints: allow_providers = [\"p\"], deny_models = [\"a\"] leave no chat model",
            ),
            (
                "default_model = \"a\"",
                "allow_providers = [\"q\"]",
                "tenants[0].default_model: p/a is ruled out by constraints.allow_providers of the same tenant",
            ),
        ];
        for (default_model, constraints, expected) in cases {
            let message = refuse(default_model, constraints).expect(constraints);
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn names_that_somebody_has_are_taken() {
        for constraints in [
            "deny_models = [\"b\"]",
            "allow_models = [\"p/a\", \"b\"]",
            "deny_providers = [\"q\"]",
        ] {
            assert_eq!(
                refuse("default_model = \"a\"", constraints),
                None,
                "{constraints}"
            );
        }
    }
}
