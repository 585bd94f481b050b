//! `GET /v1/usage`: what calls used, by day, project, environment or model, and how much of the month is left.

mod budgets;

use axum::{Json, extract::State, http::HeaderMap};
use floopy_shared::domain::{
    ids::TenantId,
    plan::{Feature, Plan},
    snapshot::Tenant,
};
use serde_json::{Map, Value, json};
use time::{Date, Month, OffsetDateTime};

use super::{
    Api,
    error::ApiError,
    query::{Pairs, unknown},
    reading,
    view::{moment, whole},
};
use crate::{
    calendar::{month_begins_ms, month_of},
    learn::{credit::day_of, sums::Sums},
    quota::{Quota, Quotas},
    settings,
    store::{
        tenants::managed,
        usage::{self, Column, Counts, Dimension, Group},
    },
};

const KEYS: [&str; 3] = ["from", "to", "group_by"];
/// Longest span of `from` to `to`: a year and the day of its beginning.
const MAX_DAYS: i64 = 366;
/// Groups of one answer.
const MAX_GROUPS: i64 = 10_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    from: i64,
    to: i64,
    by: Vec<Dimension>,
}

/// Sums and quotas.
pub(super) async fn get(
    State(api): State<Api>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (id, mut conn) = reading(&api, &headers).await?;
    let pairs = pairs.read()?;
    let now_ms = api.clock.now_ms();
    let asked = parse(pairs, now_ms)?;
    let span = (&id, asked.from, asked.to);
    let groups = usage::grouped(&mut conn, span, &asked.by, MAX_GROUPS + 1).await?;
    if i64::try_from(groups.len()).is_ok_and(|found| found > MAX_GROUPS) {
        let message = format!(
            "group_by makes more than {MAX_GROUPS} groups of these days; ask for fewer days or group by less"
        );
        return Err(ApiError::invalid_query("group_by", message));
    }
    let mut tenant = settings::tenant(&mut conn, &id).await?;
    tenant.plan = settings::plan(&mut conn, &id, &api.in_force.now().plans).await?;
    if let Some(found) = managed::get(&mut conn, &id).await? {
        settings::cap(&mut tenant, found.caps);
    }
    let month = usage::month(&mut conn, &id, month_of(now_ms)).await?;
    let budgets = budgets::describe(&mut conn, &tenant, now_ms).await?;
    let mut total = Counts::default();
    for (_, counts) in &groups {
        total.add(*counts);
    }
    let groups: Vec<Value> = groups
        .iter()
        .filter(|(_, counts)| *counts != Counts::default() && !asked.by.is_empty())
        .map(|group| describe(group, &asked.by))
        .collect();
    Ok(Json(json!({
        "from": date(asked.from),
        "to": date(asked.to),
        "total": Value::Object(sums(total)),
        "groups": groups,
        "plan": tenant.plan.as_deref().map(plan),
        "quotas": quotas(&tenant, month, now_ms),
        "budgets": budgets,
        "judge": judging(&api, &id, &asked),
    })))
}

/// What asking models to grade replies cost, by the days of the replies; the operator pays it.
fn judging(api: &Api, tenant: &TenantId, asked: &Asked) -> Value {
    let stats = api.totals.stats(tenant).unwrap_or_default();
    let days = stats.judging.range(asked.from..=asked.to);
    let all = days.fold(Sums::default(), |all, (_, sums)| all + *sums);
    json!({ "graded_replies": whole(all.weight()), "cost_micro_usd": all.sum.max(0) })
}

fn parse(pairs: Vec<(String, String)>, now_ms: u64) -> Result<Asked, ApiError> {
    let mut asked = Asked {
        from: day_of(month_begins_ms(month_of(now_ms))),
        to: day_of(now_ms),
        by: Vec::new(),
    };
    let mut has_from = false;
    for (key, value) in pairs {
        match key.as_str() {
            "from" | "to" | "group_by" if value.is_empty() => {}
            "from" => (asked.from, has_from) = (day(&key, &value)?, true),
            "to" => asked.to = day(&key, &value)?,
            "group_by" => asked.by = dimensions(&value)?,
            _ => return Err(unknown(&key, &KEYS)),
        }
    }
    // A day before this month, by itself, is asked for by its end.
    if !has_from && asked.to < asked.from {
        asked.from = asked.to;
    }
    let days = asked.to - asked.from + 1;
    if !(1..=MAX_DAYS).contains(&days) {
        let (from, to) = (date(asked.from), date(asked.to));
        let message = format!("from {from} to {to} are {days} days, it must be 1 to {MAX_DAYS}");
        return Err(ApiError::invalid_query("from", message));
    }
    Ok(asked)
}

/// A day as `2026-11-01`, or the day of a moment.
fn day(key: &str, value: &str) -> Result<i64, ApiError> {
    let day = match value.split_once('T') {
        Some(_) => Some(day_of(super::query::moment(key, value)?)),
        None => day_of_date(value),
    };
    day.ok_or_else(|| {
        let message = format!("{key} is {value:?}, it must be a day like 2026-11-01");
        ApiError::invalid_query(key, message)
    })
}

fn day_of_date(value: &str) -> Option<i64> {
    let mut parts = value.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths = [year.len(), month.len(), day.len()];
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let is_digits = value.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let is_plain = is_digits && lengths == [4, 2, 2] && parts.next().is_none();
    let days = (date - EPOCH).whole_days();
    (is_plain && days >= 0).then_some(days)
}

const EPOCH: Date = OffsetDateTime::UNIX_EPOCH.date();

/// Days that can be asked for can be told.
fn date(day: i64) -> String {
    let date = EPOCH.checked_add(time::Duration::days(day));
    date.map(|date| date.to_string()).unwrap_or_default()
}

fn dimensions(value: &str) -> Result<Vec<Dimension>, ApiError> {
    let mut by = Vec::new();
    for name in value.split(',').map(str::trim) {
        let found = Dimension::ALL.into_iter().find(|d| d.as_str() == name);
        let Some(dimension) = found else {
            let known = Dimension::ALL.map(Dimension::as_str).join(", ");
            let message = format!("group_by is {name:?}, it must be one or more of {known}");
            return Err(ApiError::invalid_query("group_by", message));
        };
        if !by.contains(&dimension) {
            by.push(dimension);
        }
    }
    Ok(by)
}

fn sums(counts: Counts) -> Map<String, Value> {
    let pair = |column: Column| (column.as_str().to_owned(), json!(counts.of(column)));
    Column::ALL.into_iter().map(pair).collect()
}

/// What is not known of the calls of a group is `null`.
fn describe((values, counts): &Group, by: &[Dimension]) -> Value {
    let mut group = Map::new();
    for (dimension, value) in by.iter().zip(values) {
        let (name, told) = match dimension {
            Dimension::Day => ("day", value.parse().map(date).ok()),
            Dimension::Project => ("project_id", known(value)),
            Dimension::Environment => ("environment", known(value)),
            Dimension::Model => ("model", known(value)),
        };
        group.insert(name.to_owned(), json!(told));
    }
    group.extend(sums(*counts));
    Value::Object(group)
}

fn known(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// A plan as it is told.
pub(super) fn plan(plan: &Plan) -> Value {
    let features: Vec<&str> = plan.features.iter().map(|f: &Feature| f.as_str()).collect();
    json!({
        "name": plan.name,
        "requests_per_month": plan.requests_per_month,
        "ratings_per_month": plan.ratings_per_month,
        "requests_per_minute": plan.requests_per_minute,
        "projects": plan.projects,
        "log_retention_days": plan.log_retention_days,
        "features": features,
    })
}

fn quotas(tenant: &Tenant, month: usage::Month, now_ms: u64) -> Value {
    let resets_at = moment(month_begins_ms(month_of(now_ms) + 1));
    let quota = |quota: Quota| {
        let left = quota.limit.map(|limit| limit.saturating_sub(quota.used));
        let told = json!({
            "limit": quota.limit, "used": quota.used, "remaining": left, "resets_at": resets_at,
        });
        (quota.name.to_owned(), told)
    };
    let all = Quotas::of(tenant, month).all();
    Value::Object(all.into_iter().map(quota).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In November 2026.
    const NOW: u64 = 1_795_000_000_000;

    fn asked(pairs: &[(&str, &str)]) -> Result<(String, String, Vec<Dimension>), String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let asked = parse(pairs.iter().map(owned).collect(), NOW).map_err(|e| e.to_text())?;
        Ok((date(asked.from), date(asked.to), asked.by))
    }

    #[test]
    fn a_month_so_far_is_what_is_asked_for_unless_told() {
        let day = |text: &str| text.to_owned();
        let so_far = (day("2026-11-01"), day("2026-11-18"), vec![]);
        assert_eq!(asked(&[]), Ok(so_far.clone()));
        assert_eq!(asked(&[("from", ""), ("group_by", "")]), Ok(so_far));
        let last = asked(&[("to", "2026-02-28")]).expect("one day");
        assert_eq!((last.0, last.1), (day("2026-02-28"), day("2026-02-28")));
        let moments = [
            ("from", "2026-01-01T23:00:00-02:00"),
            ("to", "2026-01-03"),
            ("group_by", "model, day,model"),
        ];
        let by = vec![Dimension::Model, Dimension::Day];
        assert_eq!(
            asked(&moments),
            Ok((day("2026-01-02"), day("2026-01-03"), by))
        );
    }

    #[test]
    fn what_is_no_day_or_no_group_is_refused_with_its_value() {
        let cases = [
            ([("from", "2026-02-30")], "2026-02-30"),
            ([("from", "26-2-3")], "26-2-3"),
            ([("from", "2026-+2-03")], "2026-+2-03"),
            ([("from", "1969-12-31")], "1969-12-31"),
            ([("from", "2025-01-01")], "687 days"),
            ([("from", "2026-11-19")], "0 days"),
            ([("group_by", "day,colour")], "colour"),
            ([("when", "now")], "when"),
        ];
        for (pairs, said) in cases {
            let error = asked(&pairs).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }
}
