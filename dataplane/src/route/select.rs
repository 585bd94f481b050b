//! What a caller's `model` and headers mean: names become candidates of configured providers.

use floopy_shared::domain::{catalog::Catalog, ids::CandidateKey, route::Selection};

use crate::provider::{Providers, known_provider};

/// The word that asks for the learned ranking.
pub const AUTO: &str = "auto";

/// Shown where no provider is configured at all.
pub const ENV_EXAMPLES: &str = "OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, …";

/// Model names longer than this are cut in errors.
const SHOWN_CHARS: usize = 100;

/// Most models one call may list.
const MAX_LISTED: usize = 16;

/// Providers of model names that the catalog lacks.
const PREFIXES: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("chatgpt-", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("grok-", "xai"),
    ("deepseek-", "deepseek"),
    ("mistral-", "mistral"),
    ("codestral-", "mistral"),
];

/// The names in a call.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The `model` of the body.
    pub model: &'a str,
    /// `floopy-fallback`: appended to the list.
    pub fallback: Option<&'a str>,
    /// `floopy-provider`: who serves it, whoever else could.
    pub provider: Option<&'a str>,
}

/// What the names mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    pub asked: Selection,
    /// With `auto`: what comes after the ranked candidates.
    pub fallback: Vec<CandidateKey>,
}

/// A name that means nothing here, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error(
        "model {0:?} is not known: name it as provider/model with one of the configured providers ({1}), \
         or use \"auto\""
    )]
    UnknownModel(String, String),
    #[error("the header floopy-fallback: {0}")]
    Fallback(Box<Self>),
    #[error("model {model:?} needs provider {provider}, which has no key: set {remedy}")]
    NotConfigured {
        model: String,
        provider: String,
        remedy: String,
    },
    #[error("the header floopy-provider names {0:?}, which is not configured: use one of {1}")]
    UnknownProvider(String, String),
    #[error(
        "\"auto\" cannot be part of a list of models: use it alone, with floopy-fallback for a last resort"
    )]
    AutoInList,
    #[error(
        "\"auto\" chooses the provider itself: leave out the header floopy-provider or name a model"
    )]
    AutoPinned,
    #[error("model {0:?} lists no model")]
    EmptyList(String),
    #[error("{0} models are listed, at most {MAX_LISTED} are allowed")]
    TooMany(usize),
}

/// Resolves the names of a call.
pub fn select(
    asked: &Asked<'_>,
    catalog: &Catalog,
    providers: &Providers,
) -> Result<Selected, Unresolved> {
    let resolver = Resolver {
        catalog,
        providers,
        pin: pinned(asked, providers)?,
    };
    let fallback = asked.fallback.map(names).unwrap_or_default();
    let listed = names(asked.model);
    if listed == [AUTO] {
        if resolver.pin.is_some() {
            return Err(Unresolved::AutoPinned);
        }
        let fallback = resolver.fallback(&fallback)?;
        return Ok(Selected {
            asked: Selection::Auto,
            fallback,
        });
    }
    if listed.is_empty() {
        return Err(Unresolved::EmptyList(shorten(asked.model)));
    }
    let mut keys = resolver.all(&listed)?;
    let last = resolver.fallback(&fallback)?;
    let last = last.into_iter().filter(|key| !keys.contains(key));
    keys.extend(last.collect::<Vec<_>>());
    if keys.len() > MAX_LISTED {
        return Err(Unresolved::TooMany(keys.len()));
    }
    let asked = if keys.len() == 1 {
        Selection::One(keys.remove(0))
    } else {
        Selection::Ordered(keys)
    };
    Ok(Selected {
        asked,
        fallback: Vec::new(),
    })
}

pub(super) fn pinned<'a>(
    asked: &Asked<'a>,
    providers: &Providers,
) -> Result<Option<&'a str>, Unresolved> {
    let Some(name) = asked
        .provider
        .map(str::trim)
        .filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    match providers.get(name) {
        Some(_) => Ok(Some(name)),
        None => Err(Unresolved::UnknownProvider(
            shorten(name),
            configured(providers),
        )),
    }
}

pub(super) fn names(list: &str) -> Vec<&str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

pub(super) struct Resolver<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) providers: &'a Providers,
    pub(super) pin: Option<&'a str>,
}

impl Resolver<'_> {
    /// Each name once, in order.
    fn all(&self, names: &[&str]) -> Result<Vec<CandidateKey>, Unresolved> {
        if names.len() > MAX_LISTED {
            return Err(Unresolved::TooMany(names.len()));
        }
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let key = self.one(name)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    fn fallback(&self, names: &[&str]) -> Result<Vec<CandidateKey>, Unresolved> {
        let keys = self.all(names);
        keys.map_err(|error| Unresolved::Fallback(Box::new(error)))
    }

    pub(super) fn one(&self, name: &str) -> Result<CandidateKey, Unresolved> {
        if name == AUTO {
            return Err(Unresolved::AutoInList);
        }
        if let Some(pin) = self.pin {
            let own = name
                .strip_prefix(pin)
                .and_then(|rest| rest.strip_prefix('/'));
            return self.key(pin, own.unwrap_or(name));
        }
        if let Some((provider, model)) = name.split_once('/')
            && self.providers.get(provider).is_some()
        {
            let listed = self.catalog.find(name).map(|listed| listed.key.clone());
            return listed.map_or_else(|| self.key(provider, model), Ok);
        }
        let has_key = |provider: &str| self.providers.get(provider).is_some();
        if let Some(listed) = self
            .catalog
            .named(name)
            .find(|model| has_key(model.key.provider()))
        {
            return Ok(listed.key.clone());
        }
        self.unlisted(name)
    }

    fn unlisted(&self, name: &str) -> Result<CandidateKey, Unresolved> {
        let prefixed = name.split_once('/').map(|(provider, _)| provider);
        if let Some(provider) = prefixed.filter(|p| self.names_a_provider(p, name)) {
            return Err(not_configured(name, provider));
        }
        if let Some(listed) = self.catalog.named(name).next() {
            return Err(not_configured(name, listed.key.provider()));
        }
        let by_prefix = PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
        match by_prefix.filter(|(_, provider)| self.providers.get(provider).is_some()) {
            Some((_, provider)) => self.key(provider, name),
            None => match self.providers.only() {
                Some(only) => self.key(only.name(), name),
                None => Err(self.unknown(name)),
            },
        }
    }

    fn names_a_provider(&self, provider: &str, name: &str) -> bool {
        let listed = CandidateKey::parse(name).is_ok_and(|key| self.catalog.get(&key).is_some());
        listed || known_provider(provider).is_some()
    }

    pub(super) fn key(&self, provider: &str, model: &str) -> Result<CandidateKey, Unresolved> {
        CandidateKey::new(provider, model).map_err(|_| self.unknown(model))
    }

    fn unknown(&self, name: &str) -> Unresolved {
        Unresolved::UnknownModel(shorten(name), configured(self.providers))
    }
}

fn not_configured(model: &str, provider: &str) -> Unresolved {
    let remedy = known_provider(provider).map_or_else(
        || format!("its base_url and api_key under [[providers]] with name = {provider:?}"),
        |known| known.env_var.to_owned(),
    );
    Unresolved::NotConfigured {
        model: shorten(model),
        provider: provider.to_owned(),
        remedy,
    }
}

fn configured(providers: &Providers) -> String {
    providers.names().collect::<Vec<_>>().join(", ")
}

pub(super) fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::catalog::{CatalogModel, ModelKind};

    use super::*;
    use crate::config;

    fn catalog() -> Catalog {
        let model = |key: &str| {
            CatalogModel::unlisted(CandidateKey::parse(key).expect("valid"), ModelKind::Chat)
        };
        let keys = [
            "openai/gpt-4o",
            "groq/llama-3",
            "together/llama-3",
            "sim/alpha",
        ];
        Catalog::new(keys.map(model).to_vec()).expect("valid")
    }

    fn providers(names: &[&str]) -> Providers {
        let list: Vec<config::Provider> = names
            .iter()
            .map(|name| config::Provider {
                base_url: Some("http://h:1/v1".to_owned()),
                ..config::Provider::named(name)
            })
            .collect();
        Providers::new(&list).expect("valid")
    }

    /// `model` against a list of configured providers: the keys joined by a space, or the error.
    fn check(model: &str, configured: &[&str], expected: &str) {
        let asked = Asked {
            model,
            fallback: None,
            provider: None,
        };
        let shown = match select(&asked, &catalog(), &providers(configured)) {
            Ok(Selected {
                asked: Selection::Auto,
                ..
            }) => AUTO.to_owned(),
            Ok(Selected {
                asked: Selection::One(key) | Selection::Untouched(key),
                ..
            }) => key.to_string(),
            Ok(Selected {
                asked: Selection::Ordered(keys),
                ..
            }) => keys
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err(e) => e.to_string(),
        };
        assert!(
            shown.contains(expected),
            "{model} with {configured:?}: {shown}"
        );
    }

    #[test]
    fn names_resolve_to_candidates_of_configured_providers() {
        check("auto", &["openai"], "auto");
        check("gpt-4o", &["groq", "openai"], "openai/gpt-4o");
        check("llama-3", &["together", "groq"], "groq/llama-3");
        check("llama-3", &["together"], "together/llama-3");
        check("together/llama-9", &["together"], "together/llama-9");
        check("groq/openai/gpt-oss", &["groq"], "groq/openai/gpt-oss");
        check(
            "claude-next",
            &["openai", "anthropic"],
            "anthropic/claude-next",
        );
        check("my-model", &["local"], "local/my-model");
        check("gpt-9", &["local"], "local/gpt-9");
        check("meta/llama", &["local"], "local/meta/llama");
        check(
            " gpt-4o , llama-3,gpt-4o",
            &["openai", "groq"],
            "openai/gpt-4o groq/llama-3",
        );
    }

    #[test]
    fn what_does_not_resolve_names_the_way_out() {
        check(
            "nope",
            &["openai", "groq"],
            "model \"nope\" is not known: name it as provider/model",
        );
        check("gpt-4o", &["groq", "local"], "set OPENAI_API_KEY");
        check(
            "anthropic/claude",
            &["groq", "local"],
            "set ANTHROPIC_API_KEY",
        );
        check(
            "sim/alpha",
            &["groq", "local"],
            "under [[providers]] with name = \"sim\"",
        );
        check("gpt-4o,nope", &["openai", "groq"], "\"nope\"");
        check("auto,gpt-4o", &["openai"], "cannot be part of a list");
        check(" , ", &["openai"], "lists no model");
        check("bad name", &["openai"], "\"bad name\" is not known");
    }

    #[test]
    fn a_pinned_provider_serves_whatever_is_named() {
        let pinned = |model, provider| {
            let asked = Asked {
                model,
                fallback: None,
                provider: Some(provider),
            };
            select(&asked, &catalog(), &providers(&["groq", "together"]))
                .map(|selected| selected.asked)
        };
        let key = CandidateKey::parse("together/llama-3").expect("valid");
        assert_eq!(
            pinned("llama-3", "together"),
            Ok(Selection::One(key.clone()))
        );
        assert_eq!(
            pinned("together/llama-3", " together "),
            Ok(Selection::One(key))
        );
        assert_eq!(pinned("auto", "together"), Err(Unresolved::AutoPinned));
        assert!(matches!(
            pinned("llama-3", "openai"),
            Err(Unresolved::UnknownProvider(..))
        ));
    }
}
