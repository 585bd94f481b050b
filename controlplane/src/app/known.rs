//! Every model that the configuration lets serve: for all tenants, and each tenant's own.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use floopy_shared::{
    catalog::{self, Entry, File, Models, Sources, Strictness, problems},
    domain::{
        catalog::{Catalog, CatalogModel},
        ids::TenantId,
    },
};

use super::Error;
use crate::{config::Config, index::KnownModels};

/// The configured models first, then those of the operator's catalog, then the built-in ones; the first of
/// each name counts.
pub(super) fn models_of(config: &Config) -> Result<KnownModels, Error> {
    let lists = Lists::read(config)?;
    lists.check(config)?;
    let models = Models::of(lists.all(config));
    let mut all = models.all(&config.models, &lists.configured);
    for file in [&lists.operators, &lists.builtin] {
        all.extend(models.all(&file.models, &file.sources));
    }
    let mut seen = HashSet::new();
    all.retain(|model| seen.insert(model.key.clone()));
    let catalog = Catalog::new(all).map_err(|e| Error::config("models", e.to_string()))?;
    let mut own = BTreeMap::new();
    for tenant in config.tenants.iter().filter(|t| !t.models.is_empty()) {
        // Another place says what is wrong with an id.
        let Ok(id) = TenantId::new(&tenant.id) else {
            continue;
        };
        let models = models.all(&tenant.models, &lists.configured);
        let models: Arc<[Arc<CatalogModel>]> = models.into_iter().map(Arc::new).collect();
        own.insert(id, models);
    }
    Ok(KnownModels {
        catalog: Arc::new(catalog),
        own: Arc::new(own),
    })
}

/// Everything that the configuration lets serve all tenants, as it is written down.
pub fn known_models(config: &Config) -> Result<File, Error> {
    let lists = Lists::read(config)?;
    lists.check(config)?;
    let mut seen = HashSet::new();
    let models = lists.all(config).filter(|entry| seen.insert(entry.name()));
    let models = models.cloned().collect();
    let mut sources = lists.configured;
    for (name, source) in lists.builtin.sources {
        sources.entry(name).or_insert(source);
    }
    Ok(File { sources, models })
}

/// What is written down, by where.
struct Lists {
    builtin: File,
    operators: File,
    /// What the configuration's own models may refer to.
    configured: Sources,
}

impl Lists {
    fn read(config: &Config) -> Result<Self, Error> {
        let builtin = if config.builtin_models {
            catalog::builtin().clone()
        } else {
            File::default()
        };
        let operators = match &config.catalog {
            Some(path) => read(path).map_err(|message| Error::config("catalog", message))?,
            None => File::default(),
        };
        // An entry copied out of the built-in catalog may go on naming its sources.
        let mut configured = catalog::builtin().sources.clone();
        configured.extend(operators.sources.clone());
        configured.extend(config.sources.clone());
        Ok(Self {
            builtin,
            operators,
            configured,
        })
    }

    /// Everything that is said of any model for everybody.
    fn all<'a>(&'a self, config: &'a Config) -> impl Iterator<Item = &'a Entry> {
        let files = self.operators.models.iter().chain(&self.builtin.models);
        config.models.iter().chain(files)
    }

    fn check(&self, config: &Config) -> Result<(), Error> {
        let of_tenants = config.tenants.iter().enumerate();
        let of_tenants = of_tenants.map(|(n, t)| (format!("tenants[{n}].models"), &t.models));
        for (list, models) in [("models".to_owned(), &config.models)]
            .into_iter()
            .chain(of_tenants)
        {
            let known = |name: &str| self.configured.contains_key(name);
            let found = problems((&list, models), known, Strictness::Configuration);
            if let Some(first) = found.into_iter().next() {
                return Err(Error::config(first.key, first.message));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<File, String> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    File::parse(&text, &shown).map_err(|errors| {
        let first = errors.first().map(ToString::to_string);
        let first = first.unwrap_or_default();
        match errors.len() {
            0 | 1 => first,
            all => format!(
                "{first} ({} more: `floopy catalog validate {shown}`)",
                all - 1
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use floopy_shared::{domain::ids::CandidateKey, process::config::parse};

    use super::*;

    fn known(text: &str) -> Result<KnownModels, String> {
        let config: Config = parse(text, "floopy.toml").expect(text);
        models_of(&config).map_err(|e| e.to_string())
    }

    fn model(known: &KnownModels, key: &str) -> Arc<CatalogModel> {
        let key = CandidateKey::parse(key).expect("valid");
        Arc::clone(known.catalog.get(&key).expect("known"))
    }

    #[test]
    fn the_configuration_comes_before_the_operators_catalog_and_that_before_the_builtin_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("catalog.toml");
        let entry = |name: &str, context: u32| {
            format!(
                "[[models]]\nprovider = \"openai\"\nmodel = \"{name}\"\ncontext_tokens = {context}\nsource = \"me\"\n"
            )
        };
        let sources = "[sources.me]\ntitle = \"Me\"\ndate = \"2026-11-21\"\n";
        let text = sources.to_owned() + &entry("gpt-4o", 1) + &entry("gpt-4o-mini", 2);
        std::fs::write(&path, text).expect("written");
        let config = format!("catalog = {path:?}\n{}", entry("gpt-4o", 3));
        let known = known(&config).expect("valid");
        let context = |key: &str| model(&known, key).context_tokens;
        assert_eq!(context("openai/gpt-4o"), Some(3));
        assert_eq!(context("openai/gpt-4o-mini"), Some(2));
        assert_eq!(context("openai/gpt-4.1"), Some(1_047_576), "built in");
    }

    #[test]
    fn what_is_wrong_with_a_catalog_is_told_by_its_own_file_and_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("catalog.toml");
        std::fs::write(&path, "\n[[models]]\nprovider = \"p\"\nmodel = 3\n").expect("written");
        let told = known(&format!("catalog = {path:?}")).expect_err("wrong");
        assert!(told.contains("catalog.toml:4: models.model: "), "{told}");
        let told = known("catalog = \"nowhere.toml\"").expect_err("wrong");
        assert!(told.starts_with("catalog: nowhere.toml: "), "{told}");
    }

    #[test]
    fn a_tenants_own_models_are_checked_and_known_to_it_alone() {
        let tenants = "[[tenants]]\nid = \"a\"\ndefault_model = \"up/mine\"\n\
            [[tenants.models]]\nprovider = \"up\"\nmodel = \"mine\"\nbenchmark = 0.7\n\
            [[tenants]]\nid = \"b\"\n";
        let known_to = known(tenants).expect("valid");
        let mine = CandidateKey::parse("up/mine").expect("valid");
        let sees = |tenant: &str| {
            let id = TenantId::new(tenant).expect("valid");
            known_to.of(&id).get(&mine).is_some()
        };
        assert_eq!((sees("a"), sees("b")), (true, false));
        assert!(known_to.catalog.get(&mine).is_none());
        let wrong = tenants.replace("benchmark = 0.7", "source = \"rumour\"");
        let told = known(&wrong).expect_err("wrong");
        assert!(
            told.starts_with("tenants[0].models[0].source: \"rumour\""),
            "{told}"
        );
    }
}
