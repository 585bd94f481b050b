//! Provider keys from the variables that every SDK uses.

use floopy_dataplane::{config::Provider, known_providers};
use floopy_shared::process::config::Secret;

use super::Config;

/// A provider that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundProvider {
    pub name: String,
    pub origin: Origin,
}

/// Where its key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File,
    /// This variable.
    Variable(&'static str),
}

/// Adds what the environment has and the configuration does not: a provider that is written down is left as
/// it is, except that a known one without a key takes it from its variable.
pub(super) fn add_providers(
    config: &mut Config,
    environment: impl Fn(&str) -> Option<String>,
) -> Vec<FoundProvider> {
    let mut found: Vec<FoundProvider> = Vec::new();
    for known in known_providers() {
        let key = environment(known.env_var).filter(|key| !key.trim().is_empty());
        let Some(key) = key else { continue };
        let origin = Origin::Variable(known.env_var);
        match config
            .providers
            .iter_mut()
            .find(|provider| provider.name == known.name)
        {
            // It has no address that everybody shares.
            None if !known.needs.is_empty() => continue,
            None => config.providers.push(Provider {
                api_key: Some(Secret::new(key)),
                ..Provider::named(known.name)
            }),
            // Never to an address that the key was not meant for.
            Some(provider) if !provider.has_credentials() && provider.base_url.is_none() => {
                provider.api_key = Some(Secret::new(key));
            }
            Some(_) => continue,
        }
        found.push(FoundProvider {
            name: known.name.to_owned(),
            origin,
        });
    }
    for provider in config.providers.iter().filter(|p| p.is_usable()) {
        if found.iter().all(|f| f.name != provider.name) {
            found.push(FoundProvider {
                name: provider.name.clone(),
                origin: Origin::File,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{super::Effective, *};

    fn found(text: &str, variables: &[(&str, &str)]) -> Effective {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Effective::read(text, "floopy.toml", variable).expect("valid")
    }

    #[test]
    fn every_usual_variable_makes_its_provider_callable() {
        for known in known_providers().iter().filter(|k| k.needs.is_empty()) {
            let effective = found("", &[(known.env_var, "k")]);
            let expected = FoundProvider {
                name: known.name.into(),
                origin: Origin::Variable(known.env_var),
            };
            assert_eq!(effective.providers, [expected]);
        }
        assert!(found("", &[("OPENAI_API_KEY", "  ")]).providers.is_empty());
    }

    #[test]
    fn the_file_wins_over_the_environment() {
        let text = "[[providers]]\nname = \"openai\"\napi_key = \"from-file\"\n";
        let effective = found(text, &[("OPENAI_API_KEY", "from-env")]);
        assert_eq!(effective.providers[0].origin, Origin::File);
        let key = effective.config.providers[0].api_key.as_ref().expect("set");
        assert_eq!(key.expose(), "from-file");
    }

    #[test]
    fn a_key_from_the_environment_never_goes_to_another_address() {
        let text = "[[providers]]\nname = \"openai\"\nbase_url = \"http://elsewhere.example/v1\"\n";
        let effective = found(text, &[("OPENAI_API_KEY", "from-env")]);
        assert!(effective.config.providers[0].api_key.is_none());
    }
}
