//! From published results to priors on one scale.
//!
//! Results of different tests cannot be compared: 0.63 is little on one and much on another. The general figures
//! (`shape = "all"`) are the scale that priors are on; a test for one kind of task is mapped onto it by the models
//! that have both, see [`Scale`]. A test with too few of them makes no priors.

use std::{collections::BTreeMap, sync::Arc};

use super::entry::{Entry, Figure, Sources};
use crate::domain::catalog::{Scale, ShapePrior};

/// The shape of a general figure.
pub const GENERAL: &str = crate::domain::shape::ROOT;

/// How each test's results become priors.
#[derive(Debug, Default)]
pub(super) struct Scales(BTreeMap<String, Scale>);

impl Scales {
    /// From the models that have measured figures of both. A model that several providers serve has the same
    /// figures everywhere and counts once.
    pub(super) fn of<'a>(models: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut anchors: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for model in models {
            let Some(general) = general(model).filter(|figure| !figure.estimated) else {
                continue;
            };
            for figure in special(model).filter(|figure| !figure.estimated) {
                let test = figure.test.as_deref().unwrap_or_default();
                let anchors = anchors.entry(test).or_default();
                let anchor = (figure.score, general.score);
                if !anchors.contains(&anchor) {
                    anchors.push(anchor);
                }
            }
        }
        let fitted = |(test, anchors): (&str, Vec<(f64, f64)>)| {
            Some((test.to_owned(), Scale::fit(&anchors)?))
        };
        Self(anchors.into_iter().filter_map(fitted).collect())
    }

    /// A model's priors by shape; several tests of one shape count alike.
    pub(super) fn priors(&self, model: &Entry, sources: &Sources) -> Vec<ShapePrior> {
        let mut by_shape: BTreeMap<&str, Vec<(f64, String)>> = BTreeMap::new();
        for figure in special(model) {
            let test = figure.test.as_deref().unwrap_or_default();
            if let Some(scale) = self.0.get(test) {
                let prior = (scale.apply(figure.score), cited(figure, sources));
                by_shape.entry(&figure.shape).or_default().push(prior);
            }
        }
        let prior = |(shape, found): (&str, Vec<(f64, String)>)| {
            #[expect(clippy::cast_precision_loss, reason = "a handful of tests")]
            let count = found.len() as f64;
            let value = found.iter().map(|(value, _)| value).sum::<f64>() / count;
            let cited: Vec<&str> = found.iter().map(|(_, cited)| cited.as_str()).collect();
            ShapePrior::new(
                &format!("class:{shape}"),
                value,
                Arc::from(cited.join(" and ")),
            )
        };
        by_shape.into_iter().filter_map(prior).collect()
    }
}

/// The general figure.
pub(super) fn general(model: &Entry) -> Option<&Figure> {
    model.benchmarks.iter().find(|f| f.shape == GENERAL)
}

fn special(model: &Entry) -> impl Iterator<Item = &Figure> {
    model.benchmarks.iter().filter(|f| f.shape != GENERAL)
}

/// Test, source and date of a figure, for people.
pub(super) fn cited(figure: &Figure, sources: &Sources) -> String {
    let mut parts = Vec::new();
    if figure.estimated {
        parts.push("estimated");
    }
    parts.extend(figure.test.as_deref());
    let source = figure.source.as_deref();
    match source.and_then(|name| sources.get(name)) {
        Some(source) => parts.extend([source.title.as_str(), source.date.as_str()]),
        None => parts.extend(source),
    }
    parts.join("; ")
}
