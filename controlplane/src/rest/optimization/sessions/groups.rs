//! Sums of sessions by what their callers said they belong to, by who served them or by what they were about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use floopy_shared::domain::event::RatingScore;
use serde_json::{Value, json};

use super::{asked::By, sums};
use crate::store::accounted::sessions::Spent;

/// Groups of one answer; those that cost most.
const MOST: usize = 1_000;

/// A group.
struct Group<'a> {
    sum: Spent,
    sessions: BTreeSet<&'a str>,
}

/// The groups, those that cost most first. A session whose calls are of several counts in each.
pub(super) fn told(by: &By, found: &[Spent], ratings: &HashMap<String, RatingScore>) -> Vec<Value> {
    let mut groups: BTreeMap<Option<&str>, Group<'_>> = BTreeMap::new();
    for spent in found {
        let group = groups.entry(by.value(spent)).or_insert_with(|| Group {
            sum: nothing(),
            sessions: BTreeSet::new(),
        });
        add(&mut group.sum, spent);
        if !spent.session.is_empty() {
            group.sessions.insert(&spent.session);
        }
    }
    let mut groups: Vec<(Option<&str>, Group<'_>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.sum.paid_micro_usd));
    let groups = groups.into_iter().take(MOST);
    groups
        .map(|(value, group)| described(value, &group, ratings))
        .collect()
}

fn described(
    value: Option<&str>,
    group: &Group<'_>,
    ratings: &HashMap<String, RatingScore>,
) -> Value {
    let scores = group.sessions.iter().filter_map(|id| ratings.get(*id));
    let scores: Vec<u32> = scores.map(|score| u32::from(score.value())).collect();
    let rated = u32::try_from(scores.len()).unwrap_or(u32::MAX);
    let sum: u32 = scores.iter().sum();
    let mut body = sums(&group.sum);
    body["value"] = json!(value);
    body["sessions"] = json!(group.sessions.len());
    body["rated_sessions"] = json!(rated);
    body["mean_rating"] = json!((rated > 0).then(|| f64::from(sum) / f64::from(rated)));
    body
}

fn nothing() -> Spent {
    Spent {
        session: String::new(),
        part: String::new(),
        first_ms: u64::MAX,
        last_ms: 0,
        calls: 0,
        answered: 0,
        failed: 0,
        capped: 0,
        blocked: 0,
        paid_micro_usd: 0,
        counted: 0,
        counted_micro_usd: 0,
        baseline_micro_usd: 0,
    }
}

fn add(sum: &mut Spent, more: &Spent) {
    sum.first_ms = sum.first_ms.min(more.first_ms);
    sum.last_ms = sum.last_ms.max(more.last_ms);
    let pairs = [
        (&mut sum.calls, more.calls),
        (&mut sum.answered, more.answered),
        (&mut sum.failed, more.failed),
        (&mut sum.capped, more.capped),
        (&mut sum.blocked, more.blocked),
        (&mut sum.paid_micro_usd, more.paid_micro_usd),
        (&mut sum.counted, more.counted),
        (&mut sum.counted_micro_usd, more.counted_micro_usd),
        (&mut sum.baseline_micro_usd, more.baseline_micro_usd),
    ];
    for (sum, more) in pairs {
        *sum = sum.saturating_add(more);
    }
}
