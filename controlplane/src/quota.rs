//! What a month may have: how much of it is used, and who is closed until the next one.

use floopy_shared::domain::snapshot::{Closed, Tenant};

use crate::{
    calendar::{month_begins_ms, month_of},
    store::usage::Month,
};

/// A limit of a month, and how much of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) name: &'static str,
    /// `None`: it is not limited.
    pub(crate) limit: Option<u64>,
    pub(crate) used: u64,
}

impl Quota {
    fn is_used_up(self) -> bool {
        self.limit.is_some_and(|limit| self.used >= limit)
    }
}

/// What a tenant's month may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quotas {
    pub(crate) requests: Quota,
    pub(crate) ratings: Quota,
    pub(crate) cost_micro_usd: Quota,
}

impl Quotas {
    pub(crate) fn of(tenant: &Tenant, month: Month) -> Self {
        let plan = tenant.plan.as_deref();
        let quota = |name, limit, used: i64| Quota {
            name,
            limit,
            used: u64::try_from(used).unwrap_or(0),
        };
        Self {
            requests: quota(
                "requests",
                plan.and_then(|plan| plan.requests_per_month),
                month.requests,
            ),
            ratings: quota(
                "ratings",
                plan.and_then(|plan| plan.ratings_per_month),
                month.ratings,
            ),
            cost_micro_usd: quota(
                "cost_micro_usd",
                tenant.limits.cost_micro_usd_per_month,
                month.cost_micro_usd,
            ),
        }
    }

    pub(crate) fn all(self) -> [Quota; 3] {
        [self.requests, self.ratings, self.cost_micro_usd]
    }
}

/// Closes a tenant until the next month where this one is used up.
pub(crate) fn close(tenant: &mut Tenant, used: Month, now_ms: u64) {
    let quotas = Quotas::of(tenant, used);
    let until_ms = month_begins_ms(month_of(now_ms).saturating_add(1));
    // What a tenant set itself is what it can raise itself.
    tenant.closed = if quotas.cost_micro_usd.is_used_up() {
        Some(Closed::MonthlyCost { until_ms })
    } else if quotas.requests.is_used_up() {
        Some(Closed::MonthlyRequests { until_ms })
    } else {
        None
    };
    tenant.no_ratings_until_ms = quotas.ratings.is_used_up().then_some(until_ms);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use floopy_shared::domain::{ids::TenantId, limits::Limits, plan::Plan};

    use super::*;

    /// In November 2026.
    const NOW: u64 = 1_795_000_000_000;
    const DECEMBER: u64 = 1_796_083_200_000;

    fn tenant() -> Tenant {
        let plan = Plan {
            name: "free".to_owned(),
            requests_per_month: Some(10),
            ratings_per_month: Some(2),
            requests_per_minute: None,
            projects: None,
            log_retention_days: None,
            features: Vec::new(),
        };
        let limits = Limits {
            cost_micro_usd_per_month: Some(1_000),
            ..Limits::default()
        };
        Tenant {
            plan: Some(Arc::new(plan)),
            limits,
            ..Tenant::new(TenantId::new("t").expect("valid"))
        }
    }

    #[test]
    fn a_month_that_is_used_up_closes_until_the_next_one_and_no_earlier() {
        let cases = [
            ((9, 999, 1), None, None),
            (
                (10, 0, 0),
                Some(Closed::MonthlyRequests { until_ms: DECEMBER }),
                None,
            ),
            (
                (10, 1_000, 0),
                Some(Closed::MonthlyCost { until_ms: DECEMBER }),
                None,
            ),
            ((0, 0, 2), None, Some(DECEMBER)),
        ];
        for ((requests, cost_micro_usd, ratings), closed, no_ratings) in cases {
            let mut tenant = tenant();
            let used = Month {
                requests,
                cost_micro_usd,
                ratings,
            };
            close(&mut tenant, used, NOW);
            assert_eq!(
                (tenant.closed, tenant.no_ratings_until_ms),
                (closed, no_ratings)
            );
        }
    }

    #[test]
    fn who_has_no_limits_is_never_closed() {
        let mut tenant = Tenant::new(TenantId::new("t").expect("valid"));
        let used = Month {
            requests: i64::MAX,
            cost_micro_usd: i64::MAX,
            ratings: i64::MAX,
        };
        close(&mut tenant, used, NOW);
        assert_eq!((tenant.closed, tenant.no_ratings_until_ms), (None, None));
    }
}
