//! What a candidate must have shown before it may serve instead of the baseline: a tenant's promotion gates.
//!
//! They compare with the tenant's default model, over a rolling window. A tenant without one has nothing to
//! compare costs and regressions with, and these gates stay open.

use super::constraints::InvalidConstraints;

/// A tenant's gates; what is `None` is off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// Tolerated drop of composite quality against the baseline, on 0..0.5.
    pub max_regression: Option<Rolling>,
    /// Of a candidate's composite quality, above 0 and at most 1.
    pub max_outcome_variance: Option<f64>,
    /// Tolerated rise of cost against the baseline, as a share of it, on 0..5.
    pub max_cost_increase: Option<Rolling>,
    /// A share of the baseline's cost: whoever saves more is suspicious until the shadow has tried it.
    pub max_cost_drop_without_validation: Option<f64>,
    /// Confidence needed to leave the baseline; 0 is off.
    pub confidence_threshold: f64,
    /// Scored replies of the candidate.
    pub min_samples_before_promotion: Option<u32>,
    /// Whether the shadow must have tried a candidate first.
    pub require_shadow_before_live: bool,
}

/// One of them, as the reason why a candidate does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    MaxRegression,
    MaxOutcomeVariance,
    MaxCostIncrease,
    MaxCostDrop,
    ConfidenceThreshold,
    MinSamples,
    RequireShadow,
}

impl Gate {
    pub const ALL: [Self; 7] = [
        Self::MaxRegression,
        Self::MaxOutcomeVariance,
        Self::MaxCostIncrease,
        Self::MaxCostDrop,
        Self::ConfidenceThreshold,
        Self::MinSamples,
        Self::RequireShadow,
    ];

    /// The reason's wire name: `constraint_` and the key of the gate.
    pub fn reason(self) -> &'static str {
        match self {
            Self::MaxRegression => "constraint_max_regression",
            Self::MaxOutcomeVariance => "constraint_max_outcome_variance",
            Self::MaxCostIncrease => "constraint_max_cost_increase",
            Self::MaxCostDrop => "constraint_max_cost_drop_without_validation",
            Self::ConfidenceThreshold => "constraint_confidence_threshold",
            Self::MinSamples => "constraint_min_samples_before_promotion",
            Self::RequireShadow => "constraint_require_shadow_before_live",
        }
    }
}

/// A bound on what happened within a window up to now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rolling {
    pub value: f64,
    pub window: Window,
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Rolling24h,
    Rolling7d,
}

impl Window {
    pub const ALL: [Self; 2] = [Self::Rolling24h, Self::Rolling7d];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rolling24h => "rolling_24h",
            Self::Rolling7d => "rolling_7d",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.as_str() == name)
    }

    /// Days of sums that it covers, today among them.
    pub fn days(self) -> i64 {
        match self {
            Self::Rolling24h => 2,
            Self::Rolling7d => 7,
        }
    }
}

/// What a key that a tenant's gates do not mention goes back to.
pub const DEFAULT_GATES: Gates = Gates {
    max_regression: Some(Rolling {
        value: 0.05,
        window: Window::Rolling7d,
    }),
    max_outcome_variance: None,
    max_cost_increase: Some(Rolling {
        value: 0.10,
        window: Window::Rolling7d,
    }),
    max_cost_drop_without_validation: None,
    confidence_threshold: 0.0,
    min_samples_before_promotion: None,
    require_shadow_before_live: false,
};

/// Everything may serve: what holds for a tenant that never set any.
pub const OPEN_GATES: Gates = Gates {
    max_regression: None,
    max_cost_increase: None,
    ..DEFAULT_GATES
};

const MAX_REGRESSION: f64 = 0.5;
const MAX_COST_INCREASE: f64 = 5.0;
const MAX_SAMPLES: u32 = 100_000;

impl Gates {
    /// Whether none of them closes on anybody.
    pub fn are_open(&self) -> bool {
        *self == OPEN_GATES
    }

    /// Refuses values out of range.
    pub fn validate(&self) -> Result<(), InvalidConstraints> {
        let up_to = |max: f64| move |value: f64| (0.0..=max).contains(&value);
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let value = |rolling: Option<Rolling>| rolling.map(|rolling| rolling.value);
        check(
            "max_regression",
            value(self.max_regression),
            up_to(MAX_REGRESSION),
            "from 0 to 0.5",
        )?;
        check(
            "max_outcome_variance",
            self.max_outcome_variance,
            share,
            "above 0 and at most 1",
        )?;
        let costs = value(self.max_cost_increase);
        check(
            "max_cost_increase",
            costs,
            up_to(MAX_COST_INCREASE),
            "from 0 to 5",
        )?;
        let drop = self.max_cost_drop_without_validation;
        check(
            "max_cost_drop_without_validation",
            drop,
            share,
            "above 0 and at most 1",
        )?;
        let confidence = Some(self.confidence_threshold);
        check(
            "confidence_threshold",
            confidence,
            up_to(1.0),
            "from 0 to 1",
        )?;
        match self.min_samples_before_promotion {
            Some(samples) if !(1..=MAX_SAMPLES).contains(&samples) => Err(InvalidConstraints::new(
                "min_samples_before_promotion",
                format!("{samples} is not allowed; it must be from 1 to {MAX_SAMPLES}, or null"),
            )),
            Some(_) | None => Ok(()),
        }
    }
}

fn check(
    field: &'static str,
    value: Option<f64>,
    is_allowed: impl Fn(f64) -> bool,
    range: &str,
) -> Result<(), InvalidConstraints> {
    match value {
        Some(value) if !is_allowed(value) => Err(InvalidConstraints::new(
            field,
            format!("{value} is not allowed; it must be {range}, or null for none"),
        )),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_by_field() {
        let rolling = |value| {
            Some(Rolling {
                value,
                window: Window::Rolling24h,
            })
        };
        let cases = [
            (
                Gates {
                    max_regression: rolling(0.51),
                    ..OPEN_GATES
                },
                "max_regression",
            ),
            (
                Gates {
                    max_outcome_variance: Some(0.0),
                    ..OPEN_GATES
                },
                "max_outcome_variance",
            ),
            (
                Gates {
                    max_cost_increase: rolling(f64::NAN),
                    ..OPEN_GATES
                },
                "max_cost_increase",
            ),
            (
                Gates {
                    max_cost_drop_without_validation: Some(0.0),
                    ..OPEN_GATES
                },
                "max_cost_drop_without_validation",
            ),
            (
                Gates {
                    confidence_threshold: 1.1,
                    ..OPEN_GATES
                },
                "confidence_threshold",
            ),
            (
                Gates {
                    min_samples_before_promotion: Some(0),
                    ..OPEN_GATES
                },
                "min_samples_before_promotion",
            ),
        ];
        for (gates, field) in cases {
            assert_eq!(gates.validate().expect_err(field).field, field);
        }
        assert_eq!(DEFAULT_GATES.validate(), Ok(()));
        let zero = Gates {
            max_regression: rolling(0.0),
            ..OPEN_GATES
        };
        assert_eq!(zero.validate(), Ok(()));
    }
}
