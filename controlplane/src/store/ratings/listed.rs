//! Ratings as people gave them, a page at a time, with what became of each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use floopy_shared::domain::ids::{RequestId, SessionId, TenantId};
use uuid::Uuid;

use super::{Kind, StoredRating, of_units, standing, stored_rating};
use crate::store::sql::{Conn, QueryBuilder, Row};
use crate::store::{
    StoreError,
    list::Position,
    to_i64,
    units::{self, Name, TenantUnit, Unit},
};

/// Which ratings are asked for. `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Any name of a session.
    pub(crate) session: Option<SessionId>,
    pub(crate) request: Option<RequestId>,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) from_ms: Option<u64>,
    /// Inclusive, milliseconds since the epoch.
    pub(crate) to_ms: Option<u64>,
}

/// The rating that stands under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) kind: Kind,
    /// What it was given for, as it was named.
    pub(crate) name: String,
    pub(crate) rating: StoredRating,
    pub(crate) fate: Fate,
    /// The session that the name means.
    pub(crate) session: Option<SessionId>,
}

/// What became of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Counts,
    /// No call has this name yet, or none is kept.
    Waiting,
    /// The same session is rated under another of its names, and that rating stands.
    Duplicate,
}

impl Listed {
    /// Where it is in the list.
    pub(crate) fn position(&self) -> Position {
        Position {
            created_ms: self.rating.rated_ms,
            request: RequestId(self.rating.event_id),
        }
    }
}

/// Of the rows of one name that take nothing back, the one that [`standing`] chooses: the revision; where that takes back,
/// the last plain rating after it; where there is no revision, the first rating.
const STANDS: &str = "CASE revise
    WHEN 1 THEN 1 = 1
    WHEN 0 THEN NOT EXISTS (SELECT 1 FROM ratings v WHERE v.tenant = r.tenant AND v.kind = r.kind
            AND v.subject = r.subject AND v.revise = 1)
        OR EXISTS (SELECT 1 FROM ratings v WHERE v.tenant = r.tenant AND v.kind = r.kind AND v.subject = r.subject
            AND v.revise = 1 AND v.retracted = 1 AND (v.rated_ms, v.event_id) < (r.rated_ms, r.event_id))
        AND NOT EXISTS (SELECT 1 FROM ratings l WHERE l.tenant = r.tenant AND l.kind = r.kind
            AND l.subject = r.subject AND l.revise = 2)
    ELSE EXISTS (SELECT 1 FROM ratings v WHERE v.tenant = r.tenant AND v.kind = r.kind AND v.subject = r.subject
        AND v.revise = 1 AND v.retracted = 1 AND (v.rated_ms, v.event_id) < (r.rated_ms, r.event_id)) END";

/// A rating that may be listed.
struct Candidate {
    listed: Listed,
    /// It is the one that stands of those of its name.
    stands_alone: bool,
}

/// Up to `limit` ratings after `after`, the newest first.
pub(crate) async fn page(
    conn: &mut Conn,
    tenant: &TenantId,
    filter: &Filter,
    (mut after, limit): (Option<Position>, u32),
) -> Result<Vec<Listed>, StoreError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while found.len() < most {
        let rows = candidates(conn, tenant, filter, (after, limit)).await?;
        let is_last = rows.len() < most;
        after = rows.last().map(|row| row.listed.position());
        found.extend(settle(conn, tenant, rows).await?);
        if is_last {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

/// What may stand: of a session, a rating under one name can take back one under another.
async fn candidates(
    conn: &mut Conn,
    tenant: &TenantId,
    filter: &Filter,
    (after, limit): (Option<Position>, u32),
) -> Result<Vec<Candidate>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT kind, subject, revise, hex(event_id), score, useful, rated_ms, retracted, stands FROM (
             SELECT r.*, CASE WHEN ",
    );
    query.push(STANDS);
    query.push(" THEN 1 ELSE 0 END AS stands FROM ratings AS r WHERE retracted = 0 AND tenant = ");
    query.push_bind(tenant.as_str());
    query.push(") AS r WHERE (kind = 1 OR stands = 1)");
    restrict(conn, &mut query, tenant, filter).await?;
    if let Some(after) = after {
        query
            .push(" AND (rated_ms, event_id) < (")
            .push_bind(to_i64(after.created_ms))
            .push(", ")
            .push_bind(after.request.0.as_bytes().to_vec())
            .push(")");
    }
    query
        .push(" ORDER BY rated_ms DESC, event_id DESC LIMIT ")
        .push_bind(i64::from(limit));
    let rows = query.build().fetch_all(&mut *conn).await?;
    rows.iter().map(candidate).collect()
}

async fn restrict(
    conn: &mut Conn,
    query: &mut QueryBuilder<'_>,
    tenant: &TenantId,
    filter: &Filter,
) -> Result<(), StoreError> {
    if let Some(session) = &filter.session {
        let names = names_of(conn, tenant, session).await?;
        query
            .push(" AND kind = 1 AND subject IN (SELECT value FROM json_each(")
            .push_bind(names)
            .push("))");
    }
    if let Some(request) = filter.request {
        query
            .push(" AND kind = 2 AND subject = ")
            .push_bind(request.to_string());
    }
    if let Some(from_ms) = filter.from_ms {
        query.push(" AND rated_ms >= ").push_bind(to_i64(from_ms));
    }
    if let Some(to_ms) = filter.to_ms {
        query.push(" AND rated_ms <= ").push_bind(to_i64(to_ms));
    }
    Ok(())
}

/// A name and all others of what it means, as a JSON array.
async fn names_of(
    conn: &mut Conn,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<String, StoreError> {
    let given: Name = (tenant.clone(), session.to_string());
    let meant = units::meant(conn, &BTreeSet::from([given.clone()])).await?;
    let units: Vec<TenantUnit> = meant
        .into_values()
        .map(|unit| (given.0.clone(), unit))
        .collect();
    let mut names: Vec<String> = vec![given.1];
    for calls in units::calls(conn, &units).await?.of(&units)? {
        names.extend(calls.names);
    }
    // Strings always serialise.
    Ok(serde_json::to_string(&names).unwrap_or_default())
}

fn candidate(row: &Row) -> Result<Candidate, StoreError> {
    let kind: i64 = row.try_get(0)?;
    let revise: i64 = row.try_get(2)?;
    let rating = (
        row.try_get(3)?,
        row.try_get(4)?,
        row.try_get(5)?,
        revise,
        row.try_get(6)?,
        row.try_get(7)?,
    );
    let stands: i64 = row.try_get(8)?;
    let listed = Listed {
        kind: if kind == Kind::Session as i64 {
            Kind::Session
        } else {
            Kind::Request
        },
        name: row.try_get(1)?,
        rating: stored_rating(rating)?,
        fate: Fate::Waiting,
        session: None,
    };
    Ok(Candidate {
        listed,
        stands_alone: stands != 0,
    })
}

/// Finds out what each means, and what became of it; those that were taken back are left out.
async fn settle(
    conn: &mut Conn,
    tenant: &TenantId,
    candidates: Vec<Candidate>,
) -> Result<Vec<Listed>, StoreError> {
    let named = |listed: &Listed| (tenant.clone(), listed.name.clone());
    let names = candidates.iter().map(|candidate| named(&candidate.listed));
    let names: BTreeSet<Name> = names.collect();
    let meant = units::meant(conn, &names).await?;
    let standing = standing_of(conn, tenant, &meant).await?;
    let settled = candidates.into_iter().filter_map(|candidate| {
        let Candidate {
            mut listed,
            stands_alone,
        } = candidate;
        let Some(unit) = meant.get(&named(&listed)) else {
            return stands_alone.then_some(listed);
        };
        listed.fate = match listed.kind {
            Kind::Request => Fate::Counts,
            Kind::Session => {
                let stands = standing.get(unit)?;
                let is_it = stands.rating == Some(listed.rating.event_id);
                let is_other = stands_alone && !stands.takes_back(&listed.rating);
                let other = is_other.then_some(Fate::Duplicate);
                if is_it { Some(Fate::Counts) } else { other }?
            }
        };
        if let (Kind::Session, Unit::Session(id)) = (listed.kind, unit) {
            listed.session = Some(id.clone());
        }
        Some(listed)
    });
    Ok(settled.collect())
}

/// What stands for a session, whatever the names under which it was rated.
struct Stands {
    /// `None`: it was taken back.
    rating: Option<Uuid>,
    /// The last revision, if it takes back.
    retraction: Option<StoredRating>,
}

impl Stands {
    fn of(ratings: &[StoredRating]) -> Self {
        let revisions = ratings.iter().filter(|rating| rating.revise);
        let last = revisions.max_by_key(|rating| rating.order());
        let rating = standing(ratings).filter(|rating| rating.score.is_some());
        Self {
            rating: rating.map(|rating| rating.event_id),
            retraction: last.filter(|last| last.score.is_none()).cloned(),
        }
    }

    fn takes_back(&self, rating: &StoredRating) -> bool {
        let retraction = self.retraction.as_ref();
        retraction.is_some_and(|retraction| rating.order() < retraction.order())
    }
}

/// What stands for each of what names mean.
async fn standing_of(
    conn: &mut Conn,
    tenant: &TenantId,
    meant: &BTreeMap<Name, Unit>,
) -> Result<HashMap<Unit, Stands>, StoreError> {
    let units: BTreeSet<TenantUnit> = meant
        .values()
        .map(|unit| (tenant.clone(), unit.clone()))
        .collect();
    let units: Vec<TenantUnit> = units.into_iter().collect();
    let calls = units::calls(conn, &units).await?.of(&units)?;
    let places = units.iter().zip(&calls).enumerate();
    let places = places.map(|(place, ((tenant, _), calls))| (place, tenant, &calls.names));
    let rated = of_units(conn, places).await?;
    // A name of one call can be the id of another session: then it means that one.
    let strange = rated
        .iter()
        .map(|(_, name, _)| (tenant.clone(), name.clone()));
    let strange: BTreeSet<Name> = strange.filter(|name| !meant.contains_key(name)).collect();
    let others = units::meant(conn, &strange).await?;
    let mut kept: HashMap<Unit, Vec<StoredRating>> = HashMap::new();
    for (place, name, rating) in rated {
        let name = (tenant.clone(), name);
        let means = meant.get(&name).or_else(|| others.get(&name));
        if let Some((_, unit)) = units.get(place).filter(|(_, unit)| means == Some(unit)) {
            kept.entry(unit.clone()).or_default().push(rating);
        }
    }
    let stands = |(unit, ratings): (Unit, Vec<StoredRating>)| (unit, Stands::of(&ratings));
    Ok(kept.into_iter().map(stands).collect())
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::event::RatingScore;

    use super::{
        super::{Kept, put_many},
        *,
    };
    use crate::{
        fixture::tenant,
        store::{Location, Store},
    };

    /// The `nth` of all ways in which four ratings can come: each plain, a revision or a retraction, at one of three
    /// moments.
    fn nth(mut n: u64) -> Vec<StoredRating> {
        (0..4)
            .map(|place| {
                let (way, moment) = (n % 3, n / 3 % 3);
                n /= 9;
                StoredRating {
                    event_id: Uuid::from_u128((u128::from(n) << 8) + place),
                    score: (way < 2).then_some(RatingScore::MIN),
                    useful: true,
                    revise: way > 0,
                    rated_ms: moment,
                }
            })
            .collect()
    }

    #[tokio::test]
    async fn what_is_listed_is_what_stands_whatever_came_in_whichever_order() {
        let all = 9_u64.pow(4);
        let kept = |n| {
            let mut kept = Kept::default();
            for rating in nth(n) {
                kept.offer(rating);
            }
            let subject = (Kind::Session, (tenant(), n.to_string()));
            (subject, kept)
        };
        let kept: Vec<_> = (0..all).map(kept).collect();
        let rows = kept.iter().flat_map(|(subject, kept)| {
            kept.placed()
                .map(move |(place, rating)| (subject, place, rating))
        });
        let rows: Vec<_> = rows.collect();
        let store = Store::open(&Location::Memory).await.expect("opens");
        let mut tx = store.write().await.expect("writes");
        put_many(&mut tx, &rows).await.expect("written");
        let everything = (None, u32::MAX);
        let found = page(&mut tx, &tenant(), &Filter::default(), everything).await;
        let found: BTreeMap<String, StoredRating> = found
            .expect("reads")
            .into_iter()
            .map(|listed| (listed.name, listed.rating))
            .collect();
        let stands = kept.iter().filter_map(|((_, (_, name)), kept)| {
            let rating = standing(kept.iter())?;
            rating.score?;
            Some((name.clone(), rating.clone()))
        });
        assert_eq!(found, stands.collect());
    }
}
