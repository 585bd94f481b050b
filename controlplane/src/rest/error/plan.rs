//! What a tenant's plan does not have.

use axum::http::StatusCode;
use floopy_shared::domain::plan::Lacking;

use super::ApiError;

impl ApiError {
    /// The tenant's plan does not have this.
    pub(crate) fn plan_required(plan: &str, lacking: Lacking) -> Self {
        let message = match lacking {
            Lacking::Feature(feature) => {
                format!("the plan {plan:?} does not have {}", feature.as_str())
            }
            Lacking::Retention { days, needed } => format!(
                "the plan {plan:?} keeps calls for {days} days, this needs a plan that keeps them for {needed} \
                 (log_retention_days)"
            ),
        };
        Self::sold_less(lacking.as_str(), message)
    }

    /// The tenant has as many of these as its plan has.
    pub(crate) fn plan_is_full(plan: &str, feature: &'static str, most: u32) -> Self {
        let message = format!("the plan {plan:?} has {most} {feature}, and all of them are there");
        Self::sold_less(feature, message)
    }

    fn sold_less(feature: &'static str, message: String) -> Self {
        let error = Self::new(
            StatusCode::FORBIDDEN,
            "permission_error",
            "plan_required",
            message,
        );
        Self {
            feature: Some(feature),
            ..error
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_short_a_retention_is_told_with_what_there_is_and_what_is_needed() {
        let short = Lacking::Retention {
            days: 14,
            needed: 30,
        };
        let refused = ApiError::plan_required("short", short);
        assert_eq!(refused.feature, Some("log_retention_days"));
        let told = refused.to_text();
        for part in ["\"short\"", "for 14 days", "for 30"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
