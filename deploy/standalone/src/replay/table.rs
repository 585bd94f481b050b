//! Real outcomes: what every candidate made of every prompt, sorted by task shape.

mod halves;
mod priors;
mod read;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::ids::CandidateKey;

pub(super) use priors::Priors;
pub(crate) use read::open;
pub(super) use read::{ReadError, read};
use row::Row;

/// Quality assumed of a model without a benchmark: the middle of the scale.
pub(super) const UNKNOWN_PRIOR: f64 = 0.5;

/// What one candidate made of one prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// 0..1.
    pub(super) score: f64,
    pub(super) cost_usd: Option<f64>,
    pub(super) latency_s: Option<f64>,
}

/// One task shape with the prompts that every candidate answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) name: String,
    /// Outcomes of each prompt, in the order of the candidates.
    pub(super) prompts: Vec<Vec<Outcome>>,
}

/// Where a prompt stands: positions of its shape and of itself in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PromptRef {
    pub(super) shape: usize,
    pub(super) prompt: usize,
}

/// The outcomes that a world is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) models: Vec<CandidateKey>,
    /// What public benchmarks say of each candidate.
    pub(super) priors: Vec<f64>,
    pub(super) shapes: Vec<Shape>,
    /// Conversations that the rows name; worlds make up their own where there are none.
    pub(super) sessions: Vec<Vec<PromptRef>>,
    pub(super) left_out: LeftOut,
}

/// What the input had and the world has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Prompts that some candidate never answered.
    pub(super) prompts: usize,
    /// Models that were not asked for, or have no prior where others have one.
    pub(super) models: Vec<String>,
    /// Models with a prior but no outcome.
    pub(super) priors: Vec<String>,
}

/// Why outcomes make no world.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTable {
    #[error("line {line}: {model} answered prompt {prompt:?} twice, first on line {first}")]
    Twice {
        line: usize,
        first: usize,
        model: CandidateKey,
        prompt: String,
    },
    #[error("model {0:?} was asked for, but no row has it")]
    NoSuchModel(String),
    #[error("only {0} of the models have outcomes; a choice needs two")]
    TooFewModels(usize),
    #[error(
        "donors ask other prompts, and prompts in sessions cannot be parted; leave out their `session`"
    )]
    Sessions,
    #[error("some shape has only one prompt, which cannot be parted between donors and others")]
    TooFewPrompts,
    #[error("no prompt was answered by all of the {models} models ({prompts} by some)")]
    NoPrompt { models: usize, prompts: usize },
}

/// Which of the models take part.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// Only these, by key or bare name; all where empty.
    pub(super) models: Vec<String>,
    /// Of those, only so many, the best by prior.
    pub(super) top: Option<usize>,
}

/// A prompt while rows are still coming: per model the line and the outcome.
#[derive(Default)]
struct Gathered {
    cells: BTreeMap<CandidateKey, (usize, Outcome)>,
    session: Option<String>,
    /// The first line it is on: the order of prompts in a session.
    line: usize,
}

/// Rows, sorted by shape and prompt.
#[derive(Default)]
pub(super) struct Builder {
    prompts: BTreeMap<(String, String), Gathered>,
    models: BTreeSet<CandidateKey>,
}

impl Builder {
    fn add(&mut self, line: usize, row: Row) -> Result<(), InvalidTable> {
        self.models.insert(row.model.clone());
        let prompt = self
            .prompts
            .entry((row.shape, row.prompt_id.clone()))
            .or_insert_with(|| Gathered {
                line,
                ..Gathered::default()
            });
        prompt.session = prompt.session.take().or(row.session);
        let held = prompt.cells.insert(row.model.clone(), (line, row.outcome));
        match held {
            Some((first, _)) => Err(InvalidTable::Twice {
                line,
                first,
                model: row.model,
                prompt: row.prompt_id,
            }),
            None => Ok(()),
        }
    }

    fn build(self, priors: Option<&Priors>, chosen: &Chosen) -> Result<Table, InvalidTable> {
        let (models, mut left_out) = choose(&self.models, priors, chosen)?;
        let mut shapes: Vec<Shape> = Vec::new();
        let mut sessions: BTreeMap<String, Vec<(usize, PromptRef)>> = BTreeMap::new();
        let prompts = self.prompts.len();
        for ((name, _), gathered) in self.prompts {
            let cell =
                |model: &CandidateKey| gathered.cells.get(model).map(|(_, outcome)| *outcome);
            let Some(outcomes) = models.iter().map(cell).collect::<Option<Vec<Outcome>>>() else {
                left_out.prompts += 1;
                continue;
            };
            if shapes.last().is_none_or(|shape| shape.name != name) {
                let prompts = Vec::new();
                shapes.push(Shape { name, prompts });
            }
            let shape = shapes.len() - 1;
            let prompt = shapes[shape].prompts.len();
            shapes[shape].prompts.push(outcomes);
            if let Some(session) = gathered.session {
                let turn = (gathered.line, PromptRef { shape, prompt });
                sessions.entry(session).or_default().push(turn);
            }
        }
        if shapes.is_empty() {
            let models = models.len();
            return Err(InvalidTable::NoPrompt { models, prompts });
        }
        let prior = |key: &CandidateKey| priors.and_then(|p| p.of(key)).unwrap_or(UNKNOWN_PRIOR);
        Ok(Table {
            priors: models.iter().map(prior).collect(),
            models,
            shapes,
            sessions: sessions.into_values().map(in_order).collect(),
            left_out,
        })
    }
}

fn in_order(mut turns: Vec<(usize, PromptRef)>) -> Vec<PromptRef> {
    turns.sort_by_key(|(line, _)| *line);
    turns.into_iter().map(|(_, turn)| turn).collect()
}

/// The models that take part, by name: those asked for, and of those the ones with a prior, if any has one.
fn choose(
    known: &BTreeSet<CandidateKey>,
    priors: Option<&Priors>,
    chosen: &Chosen,
) -> Result<(Vec<CandidateKey>, LeftOut), InvalidTable> {
    let is_named = |key: &CandidateKey, name: &str| key.as_str() == name || key.model() == name;
    let missing = chosen
        .models
        .iter()
        .find(|name| !known.iter().any(|key| is_named(key, name)));
    if let Some(name) = missing {
        return Err(InvalidTable::NoSuchModel(name.clone()));
    }
    let asked_for = |key: &CandidateKey| {
        chosen.models.is_empty() || chosen.models.iter().any(|name| is_named(key, name))
    };
    let prior = |key: &CandidateKey| priors.map_or(Some(UNKNOWN_PRIOR), |priors| priors.of(key));
    let mut models: Vec<(CandidateKey, f64)> = known
        .iter()
        .filter(|key| asked_for(key))
        .filter_map(|key| Some((key.clone(), prior(key)?)))
        .collect();
    models.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    models.truncate(chosen.top.unwrap_or(usize::MAX));
    let mut models: Vec<CandidateKey> = models.into_iter().map(|(key, _)| key).collect();
    models.sort();
    if models.len() < 2 {
        return Err(InvalidTable::TooFewModels(models.len()));
    }
    let left_out = LeftOut {
        prompts: 0,
        models: known
            .iter()
            .filter(|key| !models.contains(key))
            .map(ToString::to_string)
            .collect(),
        priors: priors.map_or_else(Vec::new, |priors| priors.without(known)),
    };
    Ok((models, left_out))
}

impl Table {
    /// Prompts of all shapes.
    pub(super) fn prompts(&self) -> usize {
        self.shapes.iter().map(|shape| shape.prompts.len()).sum()
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.shapes.iter().flat_map(|s| &s.prompts).flatten()
    }

    /// Whether every outcome has its cost; without that costs mean nothing.
    pub(super) fn has_costs(&self) -> bool {
        self.outcomes().all(|outcome| outcome.cost_usd.is_some())
    }

    /// The candidate with the best benchmark; the first by name among equals.
    pub(super) fn best_by_benchmark(&self) -> usize {
        let better =
            |a: &usize, b: &usize| self.priors[*a].total_cmp(&self.priors[*b]).then(b.cmp(a));
        (0..self.models.len()).max_by(better).unwrap_or(0)
    }

    /// Mean cost of a candidate's calls, where known.
    pub(super) fn mean_cost_usd(&self, model: usize) -> Option<f64> {
        let prompts = || self.shapes.iter().flat_map(|shape| &shape.prompts);
        let costs: Option<Vec<f64>> = prompts().map(|prompt| prompt[model].cost_usd).collect();
        costs.map(|costs| costs.iter().sum::<f64>() / costs.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests;
