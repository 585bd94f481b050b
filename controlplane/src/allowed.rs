//! Whether the names in a tenant's constraints and rules mean anything, and whether they leave somebody to serve.

use floopy_shared::domain::{
    catalog::Catalog, constraints::Constraints, ids::CandidateKey, rule::Routing,
};

/// What is wrong with a setting of a tenant: its key below the tenant, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) field: String,
    pub(crate) message: String,
}

/// Whether every name in the constraints is known, and the default model keeps them.
pub(crate) fn constraints(
    catalog: &Catalog,
    constraints: &Constraints,
    default_model: Option<&CandidateKey>,
) -> Result<(), Refused> {
    constraints.check_names(catalog).map_err(|e| Refused {
        field: format!("constraints.{}", e.field),
        message: e.reason,
    })?;
    constraints
        .check_somebody_serves(catalog)
        .map_err(|message| Refused {
            field: "constraints".to_owned(),
            message,
        })?;
    default_model.map_or(Ok(()), |model| self::default_model(constraints, model))
}

/// Whether a default model keeps the constraints.
pub(crate) fn default_model(
    constraints: &Constraints,
    model: &CandidateKey,
) -> Result<(), Refused> {
    match constraints.forbids(model) {
        Some(filter) => {
            let field = filter.as_str().trim_start_matches("constraint_");
            let message = format!("{model} is ruled out by constraints.{field} of the same tenant");
            refuse("default_model", message)
        }
        None => Ok(()),
    }
}

/// Whether the rules can be told apart and every model of theirs is known and allowed.
pub(crate) fn routing(
    catalog: &Catalog,
    routing: &Routing,
    constraints: &Constraints,
) -> Result<(), Refused> {
    routing.validate().map_err(|e| Refused {
        field: e.field,
        message: e.reason,
    })?;
    for (at, rule) in routing.rules.iter().enumerate() {
        let field = format!("rules[{at}].models");
        for key in &rule.models {
            if catalog.get(key).is_none() {
                let message = format!(
                    "\"{key}\" is not a known model; the operator has to add it to the catalog"
                );
                return refuse(field, message);
            }
            if let Some(filter) = constraints.forbids(key) {
                let by = filter.as_str().trim_start_matches("constraint_");
                let message =
                    format!("\"{key}\" is ruled out by constraints.{by} of the same tenant");
                return refuse(field, message);
            }
        }
    }
    Ok(())
}

fn refuse<T>(field: impl Into<String>, message: String) -> Result<T, Refused> {
    Err(Refused {
        field: field.into(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use floopy_shared::process::config::parse;

    use crate::{app::check, config::Config};

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
                "tenants[0].constraints.allow_models: \"p/b\" is not a known model; write provider/model or a model's \
                 name, or have the operator add it to the catalog",
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
    fn rules_are_refused_by_key_and_value() {
        let rule = |lines: &str| format!("[[tenants.rules]]\nname = \"r\"\n{lines}\n");
        let fallback =
            |model: &str| rule(&format!("strategy = \"fallback\"\nmodels = [\"{model}\"]"));
        let cases = [
            (
                String::new(),
                fallback("p/x"),
                "tenants[0].rules[0].models: \"p/x\" is not a known model; the operator has to add it to the catalog",
            ),
            (
                String::new(),
                fallback("p/a") + "[tenants.constraints]\ndeny_models = [\"a\"]\n",
                "tenants[0].rules[0].models: \"p/a\" is ruled out by constraints.deny_models",
            ),
            (
                String::new(),
                fallback("p/a") + &fallback("q/b"),
                "tenants[0].rules[1].name: \"r\" is the name of an earlier rule",
            ),
            (
                "rule = \"s\"".to_owned(),
                fallback("p/a"),
                "tenants[0].rule: no rule is named \"s\": r",
            ),
        ];
        for (lines, tables, expected) in cases {
            let text = format!("{MODELS}{lines}\n{tables}");
            let config: Config = parse(&text, "floopy.toml").expect(expected);
            let message = check(&config).expect_err(expected).to_string();
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
