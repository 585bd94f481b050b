//! A newer catalog or import merged into the operator's own file.
//!
//! An entry is the newer source's to change where its own source is an older edition of the same series; whatever
//! else its owner wrote stays as it is, and so do all benchmark figures.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    entry::{Entry, Sources},
    file::File,
    usd::Usd,
};

/// What may change besides the entries that are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Take in models that are new.
    pub add: bool,
    /// Drop models that the newer edition no longer has.
    pub remove: bool,
}

/// What an update does, model by model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub changed: Vec<(String, Vec<Change>)>,
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// New there; left out unless they are asked for.
    pub offered: Vec<String>,
    /// No longer there; kept unless they are to go.
    pub gone: Vec<String>,
    /// Written by hand or from another source: kept as they are, though the newer file has them too.
    pub kept: Vec<String>,
}

/// One fact of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub key: &'static str,
    /// `None`: unknown.
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Two files that call different sources the same: entries of the one would cite the other's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sources.{0} is declared differently in the two files; rename it in one of them")]
pub struct SourceConflict(String);

/// The operator's file with what is newer, and what that changes.
pub fn merge(
    own: &File,
    newer: &File,
    options: Options,
) -> Result<(File, Changes), SourceConflict> {
    let mut shared = own.sources.iter();
    let differs = shared.find(|(name, own)| newer.sources.get(*name).is_some_and(|n| n != *own));
    if let Some((name, _)) = differs {
        return Err(SourceConflict(name.clone()));
    }
    let mut merge = Merge {
        own,
        newer: newer.models.iter().map(|m| (m.name(), m)).collect(),
        sources: &newer.sources,
        options,
        changes: Changes::default(),
        models: Vec::new(),
    };
    for entry in &own.models {
        merge.existing(entry);
    }
    merge.additions(&newer.models);
    let Merge {
        changes, models, ..
    } = merge;
    let mut sources = own.sources.clone();
    sources.extend(newer.sources.clone());
    let used: BTreeSet<String> = models.iter().flat_map(used).cloned().collect();
    sources.retain(|name, _| used.contains(name));
    Ok((File { sources, models }, changes))
}

struct Merge<'a> {
    own: &'a File,
    newer: BTreeMap<String, &'a Entry>,
    sources: &'a Sources,
    options: Options,
    changes: Changes,
    models: Vec<Entry>,
}

impl Merge<'_> {
    fn existing(&mut self, entry: &Entry) {
        let name = entry.name();
        let Some(newer) = self.newer.get(&name).copied() else {
            return self.missing(entry, name);
        };
        if !self.is_older_edition(entry.source.as_deref(), newer.source.as_deref()) {
            if entry != newer {
                self.changes.kept.push(name);
            }
            self.models.push(entry.clone());
            return;
        }
        let mut updated = newer.clone();
        updated.benchmarks.clone_from(&entry.benchmarks);
        updated.benchmark = entry.benchmark;
        let own_prices = entry.prices_source.as_deref();
        if own_prices.is_some() && !self.is_older_edition(own_prices, newer.source.as_deref()) {
            keep_prices(entry, &mut updated);
        }
        let changes = differences(entry, &updated);
        if !changes.is_empty() {
            self.changes.changed.push((name, changes));
        }
        self.models.push(updated);
    }

    /// The newer file lacks a model. Where it has none of its provider at all, it says nothing of it.
    fn missing(&mut self, entry: &Entry, name: String) {
        let of_provider = self.newer.values().find(|m| m.provider == entry.provider);
        let is_gone = of_provider.is_some_and(|other| {
            self.is_older_edition(entry.source.as_deref(), other.source.as_deref())
        });
        if is_gone && self.options.remove {
            self.changes.removed.push(name);
            return;
        }
        if is_gone {
            self.changes.gone.push(name);
        }
        self.models.push(entry.clone());
    }

    fn additions(&mut self, newer: &[Entry]) {
        let own: BTreeSet<String> = self.own.models.iter().map(Entry::name).collect();
        for entry in newer.iter().filter(|entry| !own.contains(&entry.name())) {
            if self.options.add {
                self.changes.added.push(entry.name());
                self.models.push(entry.clone());
            } else {
                self.changes.offered.push(entry.name());
            }
        }
    }

    fn is_older_edition(&self, own: Option<&str>, newer: Option<&str>) -> bool {
        let own = own.and_then(|name| self.own.sources.get(name));
        let newer = newer.and_then(|name| self.sources.get(name));
        let (Some(own), Some(newer)) = (own, newer) else {
            return false;
        };
        own.series.is_some() && own.series == newer.series && own.date <= newer.date
    }
}

fn keep_prices(entry: &Entry, updated: &mut Entry) {
    updated.input_usd_per_mtok = entry.input_usd_per_mtok;
    updated.output_usd_per_mtok = entry.output_usd_per_mtok;
    updated.cached_input_usd_per_mtok = entry.cached_input_usd_per_mtok;
    updated.cache_write_usd_per_mtok = entry.cache_write_usd_per_mtok;
    updated.prices_source.clone_from(&entry.prices_source);
}

/// The sources that an entry names.
fn used(entry: &Entry) -> impl Iterator<Item = &String> {
    let figures = entry.benchmarks.iter().filter_map(|f| f.source.as_ref());
    figures.chain(&entry.source).chain(&entry.prices_source)
}

/// What differs for who routes by it.
fn differences(old: &Entry, new: &Entry) -> Vec<Change> {
    let facts = old.facts().into_iter().zip(new.facts());
    let differ = facts.filter(|((_, from), (_, to))| from != to);
    differ
        .map(|((key, from), (_, to))| Change { key, from, to })
        .collect()
}

impl Entry {
    /// Everything but names and sources, as it is written.
    pub fn facts(&self) -> Vec<(&'static str, Option<String>)> {
        let count = |limit: Option<u64>| limit.map(|limit| limit.to_string());
        let list = |listed: &[super::Modality]| {
            let names: Vec<&str> = listed.iter().map(|m| m.as_str()).collect();
            Some(names.join(", "))
        };
        let flag = |flag: bool| Some(flag.to_string());
        let mut facts = vec![
            ("kind", Some(self.kind.as_str().to_owned())),
            ("context_tokens", count(self.context_tokens)),
            ("max_output_tokens", count(self.max_output_tokens)),
            ("input", list(&self.inputs())),
            ("output", list(&self.outputs())),
            ("tools", flag(self.tools)),
            ("json_schema", flag(self.json_schema)),
            ("reasoning", flag(self.reasoning)),
        ];
        let deprecated_on = self.deprecated_on.as_ref();
        facts.push(("deprecated_on", deprecated_on.map(ToString::to_string)));
        let prices = self.prices().into_iter();
        facts.extend(prices.map(|(key, price)| (key, price.map(|usd: Usd| usd.to_string()))));
        facts
    }
}

#[cfg(test)]
mod tests;
