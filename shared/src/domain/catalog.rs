//! The models that routing knows: what they can do, what they cost, what public benchmarks say of them.

mod scale;

use std::{collections::HashSet, sync::Arc};

use super::{ids::CandidateKey, known::KnownMap, money::Prices, shape::ShapeKey};

pub use self::scale::{MIN_ANCHORS, Scale};

/// The prior of a model of which nothing is known: the middle of the scale.
pub const UNKNOWN_BENCHMARK: f64 = 0.5;

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
    /// The same for kinds of tasks that public tests tell apart, on the same scale.
    pub shape_priors: Arc<[ShapePrior]>,
}

/// What public tests say of a model for one kind of task.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapePrior {
    pub shape: ShapeKey,
    /// On the scale of the general benchmark.
    pub value: f64,
    pub source: Arc<str>,
}

impl ShapePrior {
    /// `None` where the shape's name is none.
    pub fn new(shape: &str, value: f64, source: Arc<str>) -> Option<Self> {
        let shape = ShapeKey::named(shape)?;
        Some(Self {
            shape,
            value,
            source,
        })
    }
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
            benchmark: UNKNOWN_BENCHMARK,
            benchmark_source: "unlisted".into(),
            shape_priors: Arc::default(),
        }
    }

    /// The prior for a kind of task; `None` where no test speaks of it.
    pub fn shape_prior(&self, shape: &str) -> Option<&ShapePrior> {
        let mut priors = self.shape_priors.iter();
        priors.find(|prior| prior.shape.as_str() == shape)
    }

    /// The prior for a request, by its shapes, most specific first: where no test speaks of them, the general
    /// benchmark.
    pub fn prior(&self, shapes: &[ShapeKey]) -> f64 {
        if self.shape_priors.is_empty() {
            return self.benchmark;
        }
        let mut found = shapes.iter().filter_map(|s| self.shape_prior(s.as_str()));
        found.next().map_or(self.benchmark, |prior| prior.value)
    }

    /// Every prior lies within 0..1.
    fn check(&self) -> Result<(), InvalidCatalog> {
        let of_shapes = self.shape_priors.iter().map(|prior| prior.value);
        let mut all = of_shapes.chain([self.benchmark]);
        match all.find(|value| !(0.0..=1.0).contains(value)) {
            Some(value) => Err(InvalidCatalog::Benchmark {
                key: self.key.clone(),
                value,
            }),
            None => Ok(()),
        }
    }
}

/// All known models, found by `provider/model` or by model name.
#[derive(Debug, Default, PartialEq)]
pub struct Catalog {
    models: Vec<Arc<CatalogModel>>,
    by_key: KnownMap<CandidateKey, usize>,
    by_name: KnownMap<Box<str>, Vec<usize>>,
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
            catalog.push(Arc::new(model))?;
        }
        Ok(catalog)
    }

    /// These models with a tenant's own before them, which replace those of the same key.
    pub fn with_own(&self, own: &[Arc<CatalogModel>]) -> Result<Self, InvalidCatalog> {
        let keys: HashSet<&CandidateKey> = own.iter().map(|model| &model.key).collect();
        let others = self.models.iter().filter(|m| !keys.contains(&m.key));
        let mut catalog = Self::default();
        for model in own.iter().chain(others) {
            catalog.push(Arc::clone(model))?;
        }
        Ok(catalog)
    }

    fn push(&mut self, model: Arc<CatalogModel>) -> Result<(), InvalidCatalog> {
        model.check()?;
        let index = self.models.len();
        if self.by_key.insert(model.key.clone(), index).is_some() {
            return Err(InvalidCatalog::Duplicate(model.key.clone()));
        }
        let named = self.by_name.entry(model.key.model().into()).or_default();
        named.push(index);
        self.models.push(model);
        Ok(())
    }

    /// Every model, in order.
    pub fn models(&self) -> &[Arc<CatalogModel>] {
        &self.models
    }

    /// The model of this key.
    pub fn get(&self, key: &CandidateKey) -> Option<&Arc<CatalogModel>> {
        self.find(key.as_str())
    }

    /// The model that is written so, as `provider/model`.
    pub fn find(&self, key: &str) -> Option<&Arc<CatalogModel>> {
        let index = self.by_key.get(key);
        index.and_then(|index| self.models.get(*index))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn model(key: &str) -> CatalogModel {
        CatalogModel::unlisted(CandidateKey::parse(key).expect("valid"), ModelKind::Chat)
    }

    fn shape(name: &str) -> ShapeKey {
        ShapeKey::named(name).expect("valid")
    }

    #[test]
    fn the_prior_is_that_of_the_first_shape_with_one_and_the_general_one_otherwise() {
        let prior = ShapePrior::new("class:code", 0.9, "a test".into()).expect("valid");
        let model = CatalogModel {
            benchmark: 0.7,
            shape_priors: [prior].into(),
            ..model("p/m")
        };
        let chain = [shape("site:1"), shape("class:code"), ShapeKey::root()];
        assert_eq!(model.prior(&chain), 0.9);
        assert_eq!(model.prior(&[shape("class:math"), ShapeKey::root()]), 0.7);
    }

    #[test]
    fn a_tenants_own_models_come_first_and_replace_those_of_the_same_key() {
        let base = Catalog::new(vec![model("p/a"), model("p/b")]).expect("valid");
        let own = CatalogModel {
            tools: false,
            ..model("p/b")
        };
        let own = [Arc::new(model("q/b")), Arc::new(own)];
        let all = base.with_own(&own).expect("valid");
        let keys: Vec<&str> = all.models().iter().map(|m| m.key.as_str()).collect();
        assert_eq!(keys, ["q/b", "p/b", "p/a"]);
        assert!(!all.get(&own[1].key).expect("there").tools);
        assert_eq!(all.named("b").count(), 2);
        assert_eq!(base.models().len(), 2, "nobody else's changes");
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
        let prior = ShapePrior::new("class:code", -0.1, "a test".into()).expect("valid");
        let wild_shape = CatalogModel {
            shape_priors: [prior].into(),
            benchmark: 0.5,
            ..wild.clone()
        };
        assert!(Catalog::new(vec![wild_shape]).is_err());
        assert!(matches!(
            Catalog::new(vec![wild]),
            Err(InvalidCatalog::Benchmark { .. })
        ));
        assert!(matches!(Catalog::new(vec![]), Err(InvalidCatalog::Empty)));
    }
}
