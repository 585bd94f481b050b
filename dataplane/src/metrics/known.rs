//! Counters by what they count, each looked up once: a family hashes labels under a lock.

use std::sync::OnceLock;

use prometheus_client::metrics::{counter::Counter, family::Family};

use super::labels::{
    AttemptLabel, AttemptLabels, Closed, RequestLabels, RouteLabel, StatusLabel, StrategyLabel,
};

/// Those of every call.
#[derive(Debug)]
pub(super) struct Known {
    requests: Box<[OnceLock<Counter>]>,
    attempts: Box<[OnceLock<Counter>]>,
}

impl Default for Known {
    fn default() -> Self {
        let none = |count: usize| (0..count).map(|_| OnceLock::new()).collect();
        Self {
            requests: none(RouteLabel::COUNT * StatusLabel::COUNT * StrategyLabel::COUNT),
            attempts: none(AttemptLabel::COUNT),
        }
    }
}

impl Known {
    pub(super) fn request(
        &self,
        labels: &RequestLabels,
        family: &Family<RequestLabels, Counter>,
    ) -> &Counter {
        let row = labels.route as usize * StatusLabel::COUNT + labels.status as usize;
        let at = row * StrategyLabel::COUNT + labels.strategy as usize;
        self.requests[at].get_or_init(|| family.get_or_create_owned(labels))
    }

    pub(super) fn attempt(
        &self,
        labels: &AttemptLabels,
        family: &Family<AttemptLabels, Counter>,
    ) -> &Counter {
        let at = labels.result as usize;
        self.attempts[at].get_or_init(|| family.get_or_create_owned(labels))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn every_combination_of_labels_has_a_counter_of_its_own() {
        let (known, family) = (Known::default(), Family::default());
        let statuses = [None, Some(StatusCode::OK), Some(StatusCode::BAD_GATEWAY)];
        let strategies = [
            StrategyLabel::FeedbackDriven,
            StrategyLabel::SmartCost,
            StrategyLabel::None,
        ];
        let routes = [RouteLabel::Chat, RouteLabel::Responses, RouteLabel::Other];
        let labels = || {
            routes.into_iter().flat_map(move |route| {
                let of = move |status| {
                    strategies.map(|strategy| RequestLabels {
                        route,
                        status: StatusLabel::of(status),
                        strategy,
                    })
                };
                statuses.into_iter().flat_map(of)
            })
        };
        for (n, labels) in labels().enumerate() {
            known.request(&labels, &family).inc_by(n as u64);
        }
        for (n, labels) in labels().enumerate() {
            assert_eq!(family.get_or_create(&labels).get(), n as u64, "{labels:?}");
        }
    }
}
