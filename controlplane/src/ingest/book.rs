//! The ratings that a batch meets or brings, in memory: read at once, merged in any order, written at once.

use std::collections::{BTreeSet, HashMap};

use crate::store::{
    StoreError, Tx,
    ratings::{self, Kept, Kind, Place, StoredRating, Subject},
    units::Name,
};

/// What is known of the ratings so far.
#[derive(Debug, Default)]
pub(super) struct Book {
    kept: HashMap<Subject, Kept>,
    changed: BTreeSet<Subject>,
}

impl Book {
    /// Reads the ratings of those names that were not read yet.
    pub(super) async fn load(
        &mut self,
        tx: &mut Tx,
        kind: Kind,
        names: impl IntoIterator<Item = Name>,
    ) -> Result<(), StoreError> {
        let subjects = names.into_iter().map(|name| (kind, name));
        let missing: BTreeSet<Subject> = subjects
            .filter(|subject| !self.kept.contains_key(subject))
            .collect();
        let names = missing.iter().map(|(_, name)| name);
        for (name, rating) in ratings::of_names(tx, kind, names).await? {
            self.kept.entry((kind, name)).or_default().offer(rating);
        }
        for subject in missing {
            self.kept.entry(subject).or_default();
        }
        Ok(())
    }

    /// Keeps a rating if it can stand; whether it was new. Its subject must have been loaded.
    pub(super) fn offer(&mut self, subject: &Subject, rating: StoredRating) -> bool {
        let new = self
            .kept
            .get_mut(subject)
            .is_some_and(|kept| kept.offer(rating));
        if new {
            self.changed.insert(subject.clone());
        }
        new
    }

    /// The ratings of a subject that was loaded.
    pub(super) fn of(&self, subject: &Subject) -> impl Iterator<Item = &StoredRating> {
        self.kept.get(subject).into_iter().flat_map(Kept::iter)
    }

    /// Whether a subject that was loaded has any rating.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        self.of(subject).next().is_some()
    }

    /// Writes what changed; to be followed by [`Book::written`].
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let placed = |subject| self.kept.get(subject).into_iter().flat_map(Kept::placed);
        let rows: Vec<(&Subject, Place, &StoredRating)> = self
            .changed
            .iter()
            .flat_map(|subject| {
                placed(subject).map(move |(place, rating)| (subject, place, rating))
            })
            .collect();
        ratings::put_many(tx, &rows).await
    }

    /// What changed so far was written.
    pub(super) fn written(&mut self) {
        self.changed.clear();
    }
}
