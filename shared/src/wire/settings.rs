//! A tenant's gates and limits, and what it has used up.

use floopy_proto::v1;

use super::InvalidWire;
use crate::domain::{
    gates::{Gates, Rolling, Window},
    limits::Limits,
    plan::{Feature, Plan},
    snapshot::Closed,
};

impl From<&Gates> for v1::Gates {
    fn from(g: &Gates) -> Self {
        let rolling = |rolling: Rolling| v1::Rolling {
            value: rolling.value,
            window: rolling.window.as_str().to_owned(),
        };
        Self {
            max_regression: g.max_regression.map(rolling),
            max_outcome_variance: g.max_outcome_variance,
            max_cost_increase: g.max_cost_increase.map(rolling),
            max_cost_drop_without_validation: g.max_cost_drop_without_validation,
            confidence_threshold: g.confidence_threshold,
            min_samples_before_promotion: g.min_samples_before_promotion,
            require_shadow_before_live: g.require_shadow_before_live,
        }
    }
}

impl TryFrom<v1::Rolling> for Rolling {
    type Error = InvalidWire;

    fn try_from(rolling: v1::Rolling) -> Result<Self, InvalidWire> {
        let window = Window::parse(&rolling.window)
            .ok_or_else(|| InvalidWire::invalid("window", &rolling.window))?;
        Ok(Self {
            value: rolling.value,
            window,
        })
    }
}

impl TryFrom<v1::Gates> for Gates {
    type Error = InvalidWire;

    fn try_from(g: v1::Gates) -> Result<Self, InvalidWire> {
        let gates = Self {
            max_regression: g.max_regression.map(TryInto::try_into).transpose()?,
            max_outcome_variance: g.max_outcome_variance,
            max_cost_increase: g.max_cost_increase.map(TryInto::try_into).transpose()?,
            max_cost_drop_without_validation: g.max_cost_drop_without_validation,
            confidence_threshold: g.confidence_threshold,
            min_samples_before_promotion: g.min_samples_before_promotion,
            require_shadow_before_live: g.require_shadow_before_live,
        };
        gates
            .validate()
            .map_err(|e| InvalidWire::invalid("gates", e))?;
        Ok(gates)
    }
}

impl From<&Limits> for v1::Limits {
    fn from(l: &Limits) -> Self {
        Self {
            cost_micro_usd_per_month: l.cost_micro_usd_per_month,
            token_window_seconds: l.token_window_s,
            tokens_per_window: l.tokens_per_window,
            requests_per_minute: l.requests_per_minute,
        }
    }
}

impl TryFrom<v1::Limits> for Limits {
    type Error = InvalidWire;

    fn try_from(l: v1::Limits) -> Result<Self, InvalidWire> {
        let limits = Self {
            cost_micro_usd_per_month: l.cost_micro_usd_per_month,
            token_window_s: l.token_window_seconds,
            tokens_per_window: l.tokens_per_window,
            requests_per_minute: l.requests_per_minute,
        };
        limits
            .validate()
            .map_err(|e| InvalidWire::invalid("limits", e))?;
        Ok(limits)
    }
}

impl From<&Plan> for v1::Plan {
    fn from(plan: &Plan) -> Self {
        let names = plan.features.iter().map(|feature| feature.as_str());
        Self {
            name: plan.name.clone(),
            requests_per_month: plan.requests_per_month,
            ratings_per_month: plan.ratings_per_month,
            requests_per_minute: plan.requests_per_minute,
            projects: plan.projects,
            log_retention_days: plan.log_retention_days,
            features: names.map(ToOwned::to_owned).collect(),
        }
    }
}

impl From<v1::Plan> for Plan {
    fn from(plan: v1::Plan) -> Self {
        // A newer control plane may know features that nothing here asks for.
        let features = plan.features.iter().filter_map(|name| Feature::parse(name));
        Self {
            features: features.collect(),
            name: plan.name,
            requests_per_month: plan.requests_per_month,
            ratings_per_month: plan.ratings_per_month,
            requests_per_minute: plan.requests_per_minute,
            projects: plan.projects,
            log_retention_days: plan.log_retention_days,
        }
    }
}

impl From<Closed> for v1::Closed {
    fn from(closed: Closed) -> Self {
        let (by, until_ms) = match closed {
            Closed::MonthlyCost { until_ms } => ("monthly_cost", until_ms),
            Closed::MonthlyRequests { until_ms } => ("monthly_requests", until_ms),
        };
        Self {
            by: by.to_owned(),
            until_ms,
        }
    }
}

impl TryFrom<v1::Closed> for Closed {
    type Error = InvalidWire;

    fn try_from(closed: v1::Closed) -> Result<Self, InvalidWire> {
        let until_ms = closed.until_ms;
        match closed.by.as_str() {
            "monthly_cost" => Ok(Self::MonthlyCost { until_ms }),
            "monthly_requests" => Ok(Self::MonthlyRequests { until_ms }),
            other => Err(InvalidWire::invalid("closed", other)),
        }
    }
}
