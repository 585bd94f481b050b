//! The language that a caller wants explanations in; what they say is in `shared`, for both planes.

use axum::http::{HeaderMap, header};
pub(super) use floopy_shared::domain::explanation::Locale;

/// The language for a request; several headers count as one list (RFC 9110, 5.3).
pub(super) fn locale(headers: &HeaderMap) -> Locale {
    let wanted = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let wanted: Vec<&str> = wanted.filter_map(|value| value.to_str().ok()).collect();
    Locale::negotiate(&wanted.join(","))
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        decision::{Decision, Filter, Reason, Strategy},
        explanation::{TEMPLATE_IDS, of_decision},
    };

    use crate::fixture;

    fn id(adjust: impl FnOnce(&mut Decision)) -> &'static str {
        let mut decision = fixture::decision(1);
        adjust(&mut decision);
        of_decision(&decision).template_id()
    }

    fn baseline(filters: [Option<Filter>; 2]) -> &'static str {
        id(|d| {
            d.reason = Reason::Baseline;
            for (candidate, filter) in d.candidates.iter_mut().zip(filters) {
                candidate.filter = filter;
            }
        })
    }

    #[test]
    fn every_reason_has_its_template() {
        let cases = [
            (Reason::Fallback, "provider_fallback"),
            (Reason::Error, "provider_fallback"),
            (Reason::DefaultModel, "fallback_only"),
            (Reason::Explored, "explored"),
            (Reason::Pinned, "no_router_invoked"),
            (Reason::Passthrough, "no_router_invoked"),
            (Reason::CacheHit, "cache_hit"),
            (Reason::KeptWarm, "feedback_driven_moderate_confidence"),
            (Reason::Firewall, "firewall_blocked"),
            (Reason::Shadow, "shadow_only"),
            (Reason::Dispatched, "feedback_driven_moderate_confidence"),
        ];
        for (reason, expected) in cases {
            let found = id(|d| d.reason = reason);
            assert_eq!(found, expected, "{reason:?}");
            assert!(TEMPLATE_IDS.contains(&found));
        }
    }

    #[test]
    fn a_strategy_that_dispatched_has_its_template() {
        let cases = [
            (Strategy::LegacyModel, None, "no_router_invoked"),
            (Strategy::Fallback, None, "static_rule"),
            (Strategy::LegacyModel, Some("r"), "static_rule"),
            (Strategy::Weighted, Some("r"), "static_rule"),
            (Strategy::LatencyBased, Some("r"), "static_rule"),
            (Strategy::SmartCost, Some("r"), "smart_cost_selected"),
        ];
        for (strategy, rule, expected) in cases {
            let found = id(|d| {
                d.strategy = strategy;
                d.rule = rule.map(str::to_owned);
            });
            assert_eq!(found, expected, "{strategy:?} {rule:?}");
        }
        let kept = id(|d| {
            d.strategy = Strategy::SmartCost;
            d.baseline = d.served.clone();
        });
        assert_eq!(kept, "smart_cost_kept_default");
    }

    #[test]
    fn a_baseline_served_for_want_of_certainty_or_because_of_constraints() {
        let unsure = Some(Filter::MinQuality);
        assert_eq!(baseline([unsure, None]), "low_confidence_default");
        assert_eq!(
            baseline([unsure, Some(Filter::CircuitOpen)]),
            "low_confidence_default"
        );
        assert_eq!(
            baseline([unsure, Some(Filter::MaxCost)]),
            "constraint_filtered"
        );
        assert_eq!(
            baseline([Some(Filter::MaxLatency), None]),
            "constraint_filtered"
        );
    }
}
