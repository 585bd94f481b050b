//! Ratings as they were given. Of each subject only the first rating, the last one and the last revision are
//! kept, since no other can ever stand; "first" and "last" are by time of rating, then by event id, so that the
//! order of arrival does not matter. A rating taken back is a revision without a score: whoever rates again
//! after it starts anew, and the last such rating stands.

pub(crate) mod listed;

use std::{cmp::Ordering, collections::HashMap};

use floopy_shared::domain::{
    event::{Rating, RatingScore, RatingSubject},
    ids::{RequestId, TenantId},
};
use uuid::Uuid;

use super::{
    StoreError, Tx, gathered, names_by_tenant, placed_by_tenant, statements, tenant_id, to_i64,
    to_u64, units::Name,
};
use crate::store::sql::{self, Conn, QueryBuilder};

/// What a rating's subject text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Session = 1,
    Request = 2,
}

/// What a rating is of.
pub(crate) type Subject = (Kind, Name);

/// One rating that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRating {
    pub(crate) event_id: Uuid,
    /// `None`: it takes the rating back.
    pub(crate) score: Option<RatingScore>,
    pub(crate) useful: bool,
    pub(crate) revise: bool,
    pub(crate) rated_ms: u64,
}

impl StoredRating {
    /// A rating as it came.
    pub(crate) fn of(rating: &Rating, event_id: Uuid) -> Self {
        Self {
            event_id,
            score: (!rating.retracted).then_some(rating.score),
            useful: rating.useful,
            revise: rating.revise || rating.retracted,
            rated_ms: rating.rated_at_ms,
        }
    }

    fn order(&self) -> (u64, Uuid) {
        (self.rated_ms, self.event_id)
    }
}

/// The rating that stands among several of one unit: the last revision, else the first rating; after a
/// retraction the last rating that is later, if any. What was taken back stands without a score.
pub(crate) fn standing<'a>(
    ratings: impl IntoIterator<Item = &'a StoredRating>,
) -> Option<&'a StoredRating> {
    let (mut first, mut last, mut revision) = (None, None, None);
    for rating in ratings {
        if rating.revise {
            replace(&mut revision, rating, Ordering::Greater);
        } else {
            replace(&mut first, rating, Ordering::Less);
            replace(&mut last, rating, Ordering::Greater);
        }
    }
    let Some(revision) = revision else {
        return first;
    };
    let anew = last.filter(|last| revision.score.is_none() && last.order() > revision.order());
    anew.or(Some(revision))
}

/// Takes a rating where there is none, or where its order is this one.
fn replace<'a>(held: &mut Option<&'a StoredRating>, rating: &'a StoredRating, is: Ordering) {
    if held.is_none_or(|held| rating.order().cmp(&held.order()) == is) {
        *held = Some(rating);
    }
}

/// All that is kept of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    first: Option<StoredRating>,
    /// `None`: it is the first.
    last: Option<StoredRating>,
    revision: Option<StoredRating>,
}

/// Where a rating is kept, as the `revise` column of its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First = 0,
    Revision = 1,
    Last = 2,
}

impl Kept {
    /// Keeps a rating if it can stand; whether it was new.
    pub(crate) fn offer(&mut self, rating: StoredRating) -> bool {
        let later = |held: &Option<StoredRating>| {
            held.as_ref()
                .is_none_or(|held| rating.order() > held.order())
        };
        if rating.revise {
            let new = later(&self.revision);
            if new {
                self.revision = Some(rating);
            }
            return new;
        }
        let Some(first) = self.first.take() else {
            self.first = Some(rating);
            return true;
        };
        let (is_first, is_last) = (rating.order() < first.order(), later(&self.last));
        let again = rating.order() == first.order();
        if is_first {
            self.first = Some(rating);
            self.last.get_or_insert(first);
            return true;
        }
        self.first = Some(first);
        if again || !is_last {
            return false;
        }
        self.last = Some(rating);
        true
    }

    /// All of them, with their places.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (Place, &StoredRating)> {
        let places = [
            (Place::First, &self.first),
            (Place::Revision, &self.revision),
            (Place::Last, &self.last),
        ];
        places
            .into_iter()
            .filter_map(|(place, rating)| Some((place, rating.as_ref()?)))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &StoredRating> {
        self.placed().map(|(_, rating)| rating)
    }
}

/// What a rating is of.
pub(crate) fn subject(rating: &Rating) -> Subject {
    let (kind, name) = match &rating.subject {
        RatingSubject::Session(id) => (Kind::Session, id.to_string()),
        RatingSubject::Request(id) => (Kind::Request, id.to_string()),
    };
    (kind, (rating.tenant.clone(), name))
}

/// Writes ratings over the ones they replace.
pub(crate) async fn put_many(
    tx: &mut Tx,
    ratings: &[(&Subject, Place, &StoredRating)],
) -> Result<(), StoreError> {
    for ratings in statements(ratings) {
        let mut query = QueryBuilder::new(
            "INSERT INTO ratings (tenant, kind, subject, revise, event_id, score, useful, rated_ms, retracted) ",
        );
        query.push_values(
            ratings,
            |mut row, ((kind, (tenant, name)), place, rating)| {
                let score = rating.score.map_or(0, RatingScore::value);
                row.push_bind(tenant.as_str())
                    .push_bind(*kind as i64)
                    .push_bind(name.as_str())
                    .push_bind(*place as i64)
                    .push_bind(rating.event_id.as_bytes().as_slice())
                    .push_bind(i64::from(score))
                    .push_bind(rating.useful)
                    .push_bind(to_i64(rating.rated_ms))
                    .push_bind(rating.score.is_none());
            },
        );
        query.push(
            " ON CONFLICT (tenant, kind, subject, revise) DO UPDATE SET event_id = excluded.event_id, score = excluded.score,
                useful = excluded.useful, rated_ms = excluded.rated_ms, retracted = excluded.retracted",
        );
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// The ratings kept of many subjects of one kind.
pub(crate) async fn of_names(
    conn: &mut Conn,
    kind: Kind,
    names: impl IntoIterator<Item = &Name>,
) -> Result<Vec<(Name, StoredRating)>, StoreError> {
    let names = names.into_iter().map(|(t, name)| (t, name.as_str()));
    let Some(names) = names_by_tenant(names) else {
        return Ok(Vec::new());
    };
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(
            hex(r.event_id), r.score, r.useful, r.revise, r.rated_ms, r.retracted, t.key, n.value))
         FROM json_each(?1) AS t CROSS JOIN json_each(t.value) AS n
         CROSS JOIN ratings AS r ON r.tenant = t.key AND r.kind = ?2 AND r.subject = n.value",
    )
    .bind(names)
    .bind(kind as i64);
    let named = |(event_id, score, useful, revise, rated_ms, retracted, tenant, name): NamedRow| {
        let row = (event_id, score, useful, revise, rated_ms, retracted);
        Ok(((tenant_id(&tenant)?, name), stored_rating(row)?))
    };
    gathered(conn, query)
        .await?
        .into_iter()
        .map(named)
        .collect()
}

/// The session ratings kept of any of the names of each unit, with the unit's place and the name.
pub(crate) async fn of_units<'a>(
    conn: &mut Conn,
    names: impl IntoIterator<Item = (usize, &'a TenantId, &'a Vec<String>)>,
) -> Result<Vec<(usize, String, StoredRating)>, StoreError> {
    let Some(names) = placed_by_tenant(names) else {
        return Ok(Vec::new());
    };
    let query = sql::query_scalar(
        "SELECT json_group_array(json_array(
            CAST(u.key AS INTEGER), n.value, hex(r.event_id), r.score, r.useful, r.revise, r.rated_ms, r.retracted))
         FROM json_each(?1) AS t CROSS JOIN json_each(t.value) AS u CROSS JOIN json_each(u.value) AS n
         CROSS JOIN ratings AS r ON r.tenant = t.key AND r.kind = ?2 AND r.subject = n.value",
    )
    .bind(names)
    .bind(Kind::Session as i64);
    let placed =
        |(place, name, event_id, score, useful, revise, rated_ms, retracted): PlacedRow| {
            let row = (event_id, score, useful, revise, rated_ms, retracted);
            Ok((place, name, stored_rating(row)?))
        };
    gathered(conn, query)
        .await?
        .into_iter()
        .map(placed)
        .collect()
}

/// The ratings that stand of these very replies, by request id.
pub(crate) async fn of_requests(
    conn: &mut Conn,
    tenant: &TenantId,
    requests: &[RequestId],
) -> Result<HashMap<String, RatingScore>, StoreError> {
    let names = requests.iter().map(|id| (tenant.clone(), id.to_string()));
    let names: Vec<Name> = names.collect();
    let mut kept: HashMap<String, Vec<StoredRating>> = HashMap::new();
    for ((_, name), rating) in of_names(conn, Kind::Request, &names).await? {
        kept.entry(name).or_default().push(rating);
    }
    let stands =
        |(name, ratings): (String, Vec<StoredRating>)| Some((name, standing(&ratings)?.score?));
    Ok(kept.into_iter().filter_map(stands).collect())
}

/// A rating as it is read: the columns above, in order.
type Row = (String, i64, i64, i64, i64, i64);
/// The same after its unit's place and its name.
type PlacedRow = (usize, String, String, i64, i64, i64, i64, i64);
/// The same before its tenant and its name.
type NamedRow = (String, i64, i64, i64, i64, i64, String, String);

fn stored_rating(row: Row) -> Result<StoredRating, StoreError> {
    let corrupt = |e: &dyn std::fmt::Display| StoreError::corrupt("rating", e);
    let (event_id, score, useful, revise, rated_ms, retracted) = row;
    let score = RatingScore::new(score).map_err(|e| corrupt(&e))?;
    Ok(StoredRating {
        event_id: Uuid::try_parse(&event_id).map_err(|e| corrupt(&e))?,
        score: (retracted == 0).then_some(score),
        useful: useful != 0,
        revise: revise == Place::Revision as i64,
        rated_ms: to_u64(rated_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(id: u128, score: Option<i64>, revise: bool, rated_ms: u64) -> StoredRating {
        StoredRating {
            event_id: Uuid::from_u128(id),
            score: score.map(|score| RatingScore::new(score).expect("in range")),
            useful: true,
            revise,
            rated_ms,
        }
    }

    /// What stands of ratings that arrive in this order.
    fn stands(ratings: &[StoredRating]) -> Option<RatingScore> {
        let mut kept = Kept::default();
        for rating in ratings {
            kept.offer(rating.clone());
        }
        standing(kept.iter()).and_then(|rating| rating.score)
    }

    #[test]
    fn a_retraction_takes_the_rating_back_whenever_it_arrives_and_a_later_revision_brings_one_again()
     {
        let first = rating(1, Some(9), false, 10);
        let retracted = rating(2, None, true, 20);
        let again = rating(3, Some(4), true, 30);
        for order in [
            [&first, &retracted, &again],
            [&again, &retracted, &first],
            [&retracted, &again, &first],
        ] {
            let ratings = order.map(Clone::clone);
            assert_eq!(stands(&ratings), again.score, "{order:?}");
            let without: Vec<_> = ratings.into_iter().filter(|r| *r != again).collect();
            assert_eq!(stands(&without), None, "{order:?}");
        }
    }

    #[test]
    fn whoever_rates_again_after_a_retraction_starts_anew_whatever_the_order_of_arrival() {
        let first = rating(1, Some(9), false, 10);
        let second = rating(2, Some(8), false, 15);
        let retracted = rating(3, None, true, 20);
        let anew = rating(4, Some(3), false, 30);
        let events = [&first, &second, &retracted, &anew];
        for shift in 0..4 {
            let mut order: Vec<_> = events.map(Clone::clone).into();
            order.rotate_left(shift);
            assert_eq!(stands(&order), anew.score, "{shift}");
            order.reverse();
            assert_eq!(stands(&order), anew.score, "{shift} backwards");
            order.retain(|r| *r != anew);
            assert_eq!(stands(&order), None, "{shift}: both were given before");
            order.retain(|r| *r != retracted);
            assert_eq!(stands(&order), first.score, "{shift}: the first stands");
        }
    }

    #[test]
    fn of_plain_ratings_the_first_and_the_last_are_kept_and_of_revisions_the_last() {
        let mut kept = Kept::default();
        assert!(kept.offer(rating(2, Some(5), false, 20)));
        assert!(!kept.offer(rating(2, Some(5), false, 20)), "known");
        assert!(kept.offer(rating(9, Some(6), false, 30)), "the last");
        assert!(!kept.offer(rating(9, Some(6), false, 30)), "known");
        assert!(!kept.offer(rating(8, Some(6), false, 29)), "between");
        assert!(kept.offer(rating(1, Some(7), false, 10)), "earlier");
        assert!(!kept.offer(rating(2, Some(5), false, 20)), "between by now");
        assert!(kept.offer(rating(4, Some(8), true, 40)));
        assert!(!kept.offer(rating(5, Some(9), true, 39)));
        assert!(kept.offer(rating(6, Some(1), true, 40)), "greater id");
        let held: Vec<u128> = kept.iter().map(|r| r.event_id.as_u128()).collect();
        assert_eq!(held, [1, 6, 9]);
    }
}
