//! Which sessions a batch concerns, which rating stands for each, and what it adds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::fold::Fold;
use crate::{
    learn::credit,
    store::{
        StoreError, packed,
        ratings::{self, Kind, StoredRating},
        sessions::{self, Rated},
        units::{self, Calls, Name, TenantUnit, Unit},
    },
};

/// Units that are read at a time: each may have a thousand calls, which are held in memory.
const AT_ONCE: usize = 256;

/// What names mean once the batch is written, and which rating stands for what they mean.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    /// `None`: nothing.
    units: HashMap<Name, Option<Unit>>,
    standing: HashMap<TenantUnit, Option<Uuid>>,
}

impl Meanings {
    /// The rating that stands for what a name means; `None` while it means nothing.
    pub(super) fn standing(&self, name: &Name) -> Option<Option<Uuid>> {
        let unit = self.units.get(name)?.clone()?;
        self.standing.get(&(name.0.clone(), unit)).copied()
    }

    fn note(&mut self, names: BTreeSet<Name>, mut meant: BTreeMap<Name, Unit>) {
        let unit = |name: Name| {
            let unit = meant.remove(&name);
            (name, unit)
        };
        self.units.extend(names.into_iter().map(unit));
    }

    fn means(&self, name: &Name, unit: &Unit) -> bool {
        self.units
            .get(name)
            .is_some_and(|meant| meant.as_ref() == Some(unit))
    }
}

impl Fold {
    /// Writes the facts and finds the units whose credit may have changed: the rated ones that a decision came
    /// to or went from, and those that a rated name means now or meant before.
    pub(super) async fn write_and_find_units(&mut self) -> Result<Vec<TenantUnit>, StoreError> {
        let borne = std::mem::take(&mut self.borne);
        self.book
            .load(&mut self.tx, Kind::Session, borne.iter().cloned())
            .await?;
        let mut names = std::mem::take(&mut self.rated);
        let rated = |name: &Name| self.book.has(&(Kind::Session, name.clone()));
        names.extend(borne.into_iter().filter(rated));
        let mut found: BTreeSet<TenantUnit> = BTreeSet::new();
        if self.has_unwritten() {
            let before = units::meant(&mut self.tx, &names).await?;
            found.extend(before.into_iter().map(|((tenant, _), unit)| (tenant, unit)));
        }
        self.write_facts().await?;
        let after = units::meant(&mut self.tx, &names).await?;
        found.extend(
            after
                .iter()
                .map(|((tenant, _), u)| (tenant.clone(), u.clone())),
        );
        self.meanings.note(names, after);
        let touched = self.touched.iter().map(|unit| (sessions::name(unit), unit));
        let touched: HashMap<Name, &TenantUnit> = touched.collect();
        let rated = sessions::rated(&mut self.tx, touched.keys()).await?;
        found.extend(
            rated
                .iter()
                .filter_map(|name| touched.get(name).copied().cloned()),
        );
        Ok(found.into_iter().collect())
    }

    /// Brings the credit of units up to date.
    pub(super) async fn credit_units(&mut self, units: &[TenantUnit]) -> Result<(), StoreError> {
        for units in units.chunks(AT_ONCE) {
            self.credit_some(units).await?;
        }
        Ok(())
    }

    async fn credit_some(&mut self, units: &[TenantUnit]) -> Result<(), StoreError> {
        let mut calls = units::calls(&mut self.tx, units).await?;
        self.learn_names(&calls).await?;
        let names: Vec<Name> = units.iter().map(sessions::name).collect();
        let mut before = sessions::credits(&mut self.tx, &names).await?;
        let (mut rated, mut unrated) = (Vec::new(), Vec::new());
        for (unit, name) in units.iter().zip(names) {
            let calls = calls.remove(unit).unwrap_or_default();
            let standing = self.standing(unit, &calls).cloned();
            let id = standing.as_ref().map(|rating| rating.event_id);
            self.meanings.standing.insert(unit.clone(), id);
            let before = before.remove(&name);
            let Some(score) = standing.and_then(|rating| rating.score) else {
                if let Some((_, before)) = before {
                    self.deltas.replace(&unit.0, &before, &[]);
                    unrated.push(name);
                }
                continue;
            };
            let (day, parts) = credit::parts_of_session(&calls.turns, score);
            let after = (score, packed::pack_parts(day, &parts));
            // A unit that a call came to is written all the same: it must be kept as long as its calls are.
            if before.as_ref() == Some(&after) && !self.touched.contains(unit) {
                continue;
            }
            let (score, credit) = after;
            let before = before.map(|(_, credit)| credit).unwrap_or_default();
            self.deltas.replace(&unit.0, &before, &credit);
            rated.push(Rated {
                name,
                score,
                credit,
            });
        }
        sessions::put_many(&mut self.tx, &rated, self.now_ms).await?;
        sessions::remove_many(&mut self.tx, &unrated).await
    }

    /// Reads the ratings of all names of these units, and what the rated ones of them mean.
    async fn learn_names(&mut self, calls: &HashMap<TenantUnit, Calls>) -> Result<(), StoreError> {
        let named = |((tenant, _), calls): (&'_ TenantUnit, &'_ Calls)| {
            let names = calls.names.iter();
            names
                .map(|name| (tenant.clone(), name.clone()))
                .collect::<Vec<Name>>()
        };
        let names: Vec<Name> = calls.iter().flat_map(named).collect();
        self.book
            .load(&mut self.tx, Kind::Session, names.iter().cloned())
            .await?;
        let unknown = |name: &Name| {
            !self.meanings.units.contains_key(name) && self.book.has(&(Kind::Session, name.clone()))
        };
        let unknown: BTreeSet<Name> = names.into_iter().filter(unknown).collect();
        let meant = units::meant(&mut self.tx, &unknown).await?;
        self.meanings.note(unknown, meant);
        Ok(())
    }

    /// The rating that stands for a unit, among those of all names that mean it.
    fn standing(&self, unit: &TenantUnit, calls: &Calls) -> Option<&StoredRating> {
        let names = calls
            .names
            .iter()
            .map(|name| (unit.0.clone(), name.clone()));
        let meaning = names.filter(|name| self.meanings.means(name, &unit.1));
        ratings::standing(
            meaning.flat_map(|name| self.book.of(&(Kind::Session, name)).collect::<Vec<_>>()),
        )
    }
}
