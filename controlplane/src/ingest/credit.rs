//! The credit of sessions: read, worked out and written, some units at a time.
//!
//! The store works on its own thread. While it writes the units before and reads the units after, those between
//! are credited on this one: a batch takes little longer than what the store has to do for it.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    fold::Fold,
    subject::{self, Meaning, Meanings},
};
use crate::{
    learn::credit::{self, Turn},
    store::{
        StoreError, Tx,
        deltas::Deltas,
        packed,
        ratings::{self, StoredRating},
        sessions::{self, Counted, Rated},
        units::{self, Calls, Name, TenantUnit},
    },
};

/// Units that are read at a time: each may have a thousand calls, which are held in memory. Fewer cost more
/// statements; of more, the first and the last are too large a part of a batch to be worked on beside others.
const AT_ONCE: usize = 128;

/// A unit as the store has it.
struct Unit {
    key: TenantUnit,
    name: Name,
    turns: Vec<Turn>,
    /// The ratings of its names.
    ratings: Vec<(Name, StoredRating)>,
    before: Option<Counted>,
}

/// Units that were read together.
struct Units {
    units: Vec<Unit>,
    /// What those of their names mean that this batch did not bring.
    others: Meaning,
}

/// What is to be written of units.
#[derive(Default)]
struct Credited {
    rated: Vec<Rated>,
    unrated: Vec<Name>,
}

/// What crediting needs besides the units.
struct Crediting<'a> {
    /// What the names mean that this batch brought.
    meaning: &'a Meaning,
    touched: &'a BTreeSet<TenantUnit>,
    standing: &'a mut HashMap<TenantUnit, Option<Uuid>>,
    deltas: &'a mut Deltas,
}

impl Fold {
    /// Brings the credit of units up to date. The facts must have been written.
    pub(super) async fn credit_units(&mut self, units: &[TenantUnit]) -> Result<(), StoreError> {
        let mut ahead = units.chunks(AT_ONCE);
        let Some(first) = ahead.next() else {
            return Ok(());
        };
        let Meanings { units, standing } = &mut self.meanings;
        let (tx, meaning) = (&mut self.tx, &*units);
        let mut crediting = Crediting {
            meaning,
            touched: &self.touched,
            standing,
            deltas: &mut self.deltas,
        };
        let mut between = Some(read(tx, first, meaning).await?);
        let mut done = Credited::default();
        while let Some(units) = between {
            let behind = std::mem::take(&mut done);
            let stored = async {
                behind.write(tx, self.now_ms).await?;
                match ahead.next() {
                    Some(units) => read(tx, units, meaning).await.map(Some),
                    None => Ok(None),
                }
            };
            // In this order: what the store has to do is handed to it first.
            let (next, credited) = futures::join!(stored, async { crediting.credit(units) });
            (between, done) = (next?, credited);
        }
        done.write(tx, self.now_ms).await
    }
}

/// Reads some units.
async fn read(tx: &mut Tx, units: &[TenantUnit], meaning: &Meaning) -> Result<Units, StoreError> {
    let stored = units::calls(tx, units).await?;
    let names: Vec<Name> = units.iter().map(sessions::name).collect();
    let (before, calls) = futures::join!(sessions::credits(tx, &names), async { stored.of(units) });
    let (before, calls) = (before?, calls?);
    let mut ratings = ratings_of(tx, units, &calls).await?;
    let unknown = ratings.iter().flatten().map(|(name, _)| name);
    let unknown = unknown.filter(|name| !meaning.contains_key(*name));
    let unknown: BTreeSet<Name> = unknown.cloned().collect();
    let meant = units::meant(tx, &unknown).await?;
    let read = units.iter().zip(names).zip(calls).zip(before);
    let read = read
        .zip(&mut ratings)
        .map(|((((key, name), calls), before), ratings)| Unit {
            key: key.clone(),
            name,
            turns: calls.turns,
            ratings: std::mem::take(ratings),
            before,
        });
    Ok(Units {
        units: read.collect(),
        others: subject::each(unknown, meant),
    })
}

/// The ratings of all names of each unit.
async fn ratings_of(
    tx: &mut Tx,
    units: &[TenantUnit],
    calls: &[Calls],
) -> Result<Vec<Vec<(Name, StoredRating)>>, StoreError> {
    let names = units.iter().zip(calls).enumerate();
    let names = names.map(|(place, ((tenant, _), calls))| (place, tenant, &calls.names));
    let mut all: Vec<Vec<(Name, StoredRating)>> = units.iter().map(|_| Vec::new()).collect();
    for (place, name, rating) in ratings::of_units(tx, names).await? {
        if let (Some(ratings), Some((tenant, _))) = (all.get_mut(place), units.get(place)) {
            ratings.push(((tenant.clone(), name), rating));
        }
    }
    Ok(all)
}

impl Crediting<'_> {
    fn credit(&mut self, units: Units) -> Credited {
        let Units { units, others } = units;
        let mut credited = Credited::default();
        for unit in units {
            self.credit_one(unit, &others, &mut credited);
        }
        credited
    }

    fn credit_one(&mut self, unit: Unit, others: &Meaning, credited: &mut Credited) {
        let means = |name: &Name| {
            let meant = self.meaning.get(name).or_else(|| others.get(name));
            meant.is_some_and(|meant| meant.as_ref() == Some(&unit.key.1))
        };
        let ratings = unit.ratings.iter().filter(|(name, _)| means(name));
        let standing = ratings::standing(ratings.map(|(_, rating)| rating));
        let id = standing.map(|rating| rating.event_id);
        let tenant = &unit.key.0;
        if let Some(score) = standing.and_then(|rating| rating.score) {
            let (day, parts) = credit::parts_of_session(&unit.turns, score);
            let after = (score, packed::pack_parts(day, &parts));
            // A unit that a call came to is written all the same: it must be kept as long as its calls are.
            if unit.before.as_ref() != Some(&after) || self.touched.contains(&unit.key) {
                let before = unit.before.map(|(_, credit)| credit).unwrap_or_default();
                let (score, credit) = after;
                self.deltas.replace(tenant, &before, &credit);
                credited.rated.push(Rated {
                    name: unit.name,
                    score,
                    credit,
                });
            }
        } else if let Some((_, before)) = unit.before {
            self.deltas.replace(tenant, &before, &[]);
            credited.unrated.push(unit.name);
        }
        self.standing.insert(unit.key, id);
    }
}

impl Credited {
    async fn write(self, tx: &mut Tx, now_ms: u64) -> Result<(), StoreError> {
        sessions::put_many(tx, &self.rated, now_ms).await?;
        sessions::remove_many(tx, &self.unrated).await
    }
}
