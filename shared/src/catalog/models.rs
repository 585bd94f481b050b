//! From what is written down to what routing knows.

use std::sync::Arc;

use super::{
    entry::{Entry, Modality, Sources},
    figures::{self, Scales},
};
use crate::domain::{
    catalog::{CatalogModel, UNKNOWN_BENCHMARK},
    ids::CandidateKey,
    money::Prices,
};

/// The source of the prior of a model without any figure.
pub const NO_FIGURE: &str = "no figure";
/// The source of a prior that the model's owner wrote down.
const CONFIGURED: &str = "configured";

/// Makes models of entries. What their figures mean depends on the figures of all.
#[derive(Debug)]
pub struct Models(Scales);

impl Models {
    /// `entries`: everything that is known.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        Self(Scales::of(entries))
    }

    /// As routing knows them; what has no valid name is left out. `sources`: what the entries refer to.
    pub fn all(&self, entries: &[Entry], sources: &Sources) -> Vec<CatalogModel> {
        let named = entries.iter().filter_map(|e| Some((e.key().ok()?, e)));
        let model = |(key, entry)| self.model(key, entry, sources);
        named.map(model).collect()
    }

    fn model(&self, key: CandidateKey, entry: &Entry, sources: &Sources) -> CatalogModel {
        let prices = entry.input_usd_per_mtok.zip(entry.output_usd_per_mtok);
        let (benchmark, benchmark_source) = general(entry, sources);
        CatalogModel {
            kind: entry.kind.into(),
            context_tokens: entry.context_tokens,
            max_output_tokens: entry.max_output_tokens,
            prices: prices.map(|(input, output)| Prices {
                input_micro_usd_per_mtok: input.micro(),
                output_micro_usd_per_mtok: output.micro(),
                cached_input_micro_usd_per_mtok: entry
                    .cached_input_usd_per_mtok
                    .map(super::Usd::micro),
            }),
            tools: entry.tools,
            vision: entry.inputs().contains(&Modality::Image),
            json_schema: entry.json_schema,
            benchmark,
            benchmark_source,
            shape_priors: self.0.priors(entry, sources).into(),
            key,
        }
    }
}

/// The prior of any task, and what it rests on.
pub fn general(entry: &Entry, sources: &Sources) -> (f64, Arc<str>) {
    match (figures::general(entry), entry.benchmark) {
        (Some(figure), _) => (figure.score, figures::cited(figure, sources).into()),
        (None, Some(benchmark)) => (benchmark, CONFIGURED.into()),
        (None, None) => (UNKNOWN_BENCHMARK, NO_FIGURE.into()),
    }
}
