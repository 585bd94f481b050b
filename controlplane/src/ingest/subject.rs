//! Which sessions a batch concerns, and which rating stands for each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::fold::Fold;
use crate::store::{
    StoreError,
    ratings::Kind,
    sessions,
    units::{self, Name, TenantUnit, Unit},
};

/// What names mean; `None`: nothing.
pub(super) type Meaning = HashMap<Name, Option<Unit>>;

/// What names mean once the batch is written, and which rating stands for what they mean.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    pub(super) units: Meaning,
    pub(super) standing: HashMap<TenantUnit, Option<Uuid>>,
}

impl Meanings {
    /// The rating that stands for what a name means; `None` while it means nothing.
    pub(super) fn standing(&self, name: &Name) -> Option<Option<Uuid>> {
        let unit = self.units.get(name)?.clone()?;
        self.standing.get(&(name.0.clone(), unit)).copied()
    }
}

/// What each of the names means, by those that mean something.
pub(super) fn each(names: BTreeSet<Name>, mut meant: BTreeMap<Name, Unit>) -> Meaning {
    let unit = |name: Name| {
        let unit = meant.remove(&name);
        (name, unit)
    };
    names.into_iter().map(unit).collect()
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
        self.meanings.units.extend(each(names, after));
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
}
