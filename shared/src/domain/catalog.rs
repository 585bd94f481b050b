//! The models that routing knows: what they can do, what they cost, what public benchmarks say of them.

use std::{collections::HashMap, sync::Arc};

use super::{ids::CandidateKey, money::Prices};

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    Chat,
    Embedding,
}

/// One model at one provider. Unknown limits are `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogModel {
    pub key: CandidateKey,
    pub kind: ModelKind,
    pub context_tokens: Option<u64>,
    pub max_output_tokens: Option<u64>,
    /// `None`: not in the catalog, so its cost is unknown.
    pub prices: Option<Prices>,
    pub tools: bool,
    pub vision: bool,
    pub json_schema: bool,
    /// Prior quality on 0..1 before any feedback.
    pub benchmark: f64,
    pub benchmark_source: Arc<str>,
}

impl CatalogModel {
    /// A model that the caller names but the catalog lacks: nothing is known, nothing is refused.
    pub fn unlisted(key: CandidateKey, kind: ModelKind) -> Self {
        Self {
            key,
            kind,
            context_tokens: None,
            max_output_tokens: None,
            prices: None,
            tools: true,
            vision: true,
            json_schema: true,
            benchmark: 0.5,
            benchmark_source: "unlisted".into(),
        }
    }
}

/// All known models, found by `provider/model` or by model name.
#[derive(Debug, Default, PartialEq)]
pub struct Catalog {
    models: Vec<Arc<CatalogModel>>,
    by_key: HashMap<CandidateKey, usize>,
    by_name: HashMap<Box<str>, Vec<usize>>,
}

/// Why a list of models is not a catalog.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCatalog {
    #[error("the catalog is empty")]
    Empty,
    #[error("candidate {0} is listed twice")]
    Duplicate(CandidateKey),
    #[error("benchmark of {key} is {value}, outside 0..1")]
    Benchmark { key: CandidateKey, value: f64 },
}

impl Catalog {
    /// Checks and indexes the models; their order is the order of preference between providers.
    pub fn new(models: Vec<CatalogModel>) -> Result<Self, InvalidCatalog> {
        if models.is_empty() {
            return Err(InvalidCatalog::Empty);
        }
        let mut catalog = Self::default();
        for model in models {
            if !(0.0..=1.0).contains(&model.benchmark) {
                return Err(InvalidCatalog::Benchmark {
                    key: model.key,
                    value: model.benchmark,
                });
            }
            let index = catalog.models.len();
            if catalog.by_key.insert(model.key.clone(), index).is_some() {
                return Err(InvalidCatalog::Duplicate(model.key));
            }
            catalog
                .by_name
                .entry(model.key.model().into())
                .or_default()
                .push(index);
            catalog.models.push(Arc::new(model));
        }
        Ok(catalog)
    }

    /// The models this build ships with, from `shared/catalog/models.csv`.
    pub fn builtin() -> Self {
        Self::new(builtin_models()).unwrap_or_default()
    }

    /// Every model, in order.
    pub fn models(&self) -> &[Arc<CatalogModel>] {
        &self.models
    }

    /// The model of this key.
    pub fn get(&self, key: &CandidateKey) -> Option<&Arc<CatalogModel>> {
        self.by_key
            .get(key)
            .and_then(|index| self.models.get(*index))
    }

    /// The models of this name, at whichever providers.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<CatalogModel>> {
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|index| self.models.get(*index))
    }
}

/// The rows of `shared/catalog/models.csv`.
pub fn builtin_models() -> Vec<CatalogModel> {
    include_str!("../../catalog/models.csv")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("provider,"))
        .filter_map(parse_row)
        .collect()
}

fn parse_row(line: &str) -> Option<CatalogModel> {
    let fields: Vec<&str> = line.splitn(13, ',').collect();
    let [
        provider,
        model,
        kind,
        context,
        output,
        input_price,
        output_price,
        cached_price,
        tools,
        vision,
        json_schema,
        benchmark,
        source,
    ] = fields.try_into().ok()?;
    let kind = match kind {
        "chat" => ModelKind::Chat,
        "embedding" => ModelKind::Embedding,
        _ => return None,
    };
    Some(CatalogModel {
        key: CandidateKey::new(provider, model).ok()?,
        kind,
        context_tokens: context.parse().ok(),
        max_output_tokens: output.parse().ok(),
        prices: Some(Prices {
            input_micro_usd_per_mtok: parse_usd(input_price)?,
            output_micro_usd_per_mtok: parse_usd(output_price)?,
            cached_input_micro_usd_per_mtok: parse_usd(cached_price),
        }),
        tools: tools == "1",
        vision: vision == "1",
        json_schema: json_schema == "1",
        benchmark: benchmark.parse().ok()?,
        benchmark_source: source.trim_matches('"').into(),
    })
}

/// Decimal USD to micro-USD.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be in range"
)]
pub fn parse_usd(text: &str) -> Option<u64> {
    let usd: f64 = text.trim().parse().ok()?;
    (0.0..1e9)
        .contains(&usd)
        .then(|| (usd * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_builtin_catalog_is_read() {
        let text = include_str!("../../catalog/models.csv");
        let rows = text
            .lines()
            .filter(|l| !l.starts_with('#') && !l.starts_with("provider,"))
            .count();
        let catalog = Catalog::new(builtin_models()).expect("valid");
        assert_eq!(catalog.models().len(), rows);
        assert!(catalog.named("gpt-4o").next().is_some());
        assert!(
            catalog
                .models()
                .iter()
                .all(|m| !m.benchmark_source.is_empty())
        );
    }

    #[test]
    fn duplicates_and_benchmarks_out_of_range_are_refused() {
        let key = CandidateKey::new("p", "m").expect("valid");
        let model = CatalogModel::unlisted(key, ModelKind::Chat);
        let twice = Catalog::new(vec![model.clone(), model.clone()]);
        assert!(matches!(twice, Err(InvalidCatalog::Duplicate(_))));
        let wild = CatalogModel {
            benchmark: 1.5,
            ..model
        };
        assert!(matches!(
            Catalog::new(vec![wild]),
            Err(InvalidCatalog::Benchmark { .. })
        ));
        assert!(matches!(Catalog::new(vec![]), Err(InvalidCatalog::Empty)));
    }
}
