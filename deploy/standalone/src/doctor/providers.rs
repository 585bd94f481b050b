//! Providers: whether they can be reached as calls reach them, and whether there is a credential to show them.

use floopy_dataplane::{Probe, config as proxy, probes};
use futures::future::join_all;

use super::{
    Given,
    finding::{Check, Finding},
    patient,
};

/// All that are configured.
pub(super) async fn all(config: &proxy::Config, given: &Given) -> Vec<Finding> {
    let probes = match probes(config) {
        Ok(probes) => probes,
        Err(error) => {
            let advice = "correct it: the proxy does not start with it";
            return vec![Finding::fail(
                Check::Provider,
                "providers",
                error.to_string(),
                advice,
            )];
        }
    };
    let unusable = config.providers.iter().filter(|it| !it.is_usable());
    let unusable = unusable.map(|it| {
        let message = "has no credential in the configuration or the environment";
        let advice = "set its key, or let `floopy provider set` keep it in the store";
        Finding::warn(Check::Provider, it.name.as_str(), message, advice)
    });
    let unusable: Vec<Finding> = unusable.collect();
    if probes.is_empty() && unusable.is_empty() {
        let message = "none is configured";
        let advice =
            "set a key such as OPENAI_API_KEY, or let `floopy provider set` keep one in the store";
        return vec![Finding::warn(Check::Provider, "providers", message, advice)];
    }
    let asked = probes.iter().map(|probe| one(probe, given));
    let asked = join_all(asked).await.into_iter().flatten();
    asked.chain(unusable).collect()
}

async fn one(probe: &Probe, given: &Given) -> Vec<Finding> {
    let before = given.clock.now_ms();
    let (reached, took) = patient::asked(given, probe.ask(given.deadline)).await;
    let (name, place) = (probe.provider(), probe.place());
    let reached = match reached {
        Ok(reached) => reached,
        Err(reason) => {
            let advice = "see its address, the name server, the way out of this network and the certificates of the system";
            let message = format!("{place}: {reason}");
            return vec![Finding::fail(Check::Provider, name, message, advice).in_time(took)];
        }
    };
    let shown = if probe.has_credential() {
        "there is a credential, which was not shown to it"
    } else {
        "it gets no credential"
    };
    let message = format!("{place} answers (status {}); {shown}", reached.status);
    let found = Finding::ok(Check::Provider, name, message).in_time(took);
    let there = reached
        .date
        .and_then(|date| httpdate::parse_http_date(&date).ok());
    let there = there.and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok());
    let clock = there.map(|there| {
        let there_ms = u64::try_from(there.as_millis()).unwrap_or(u64::MAX);
        let here_ms = before.midpoint(given.clock.now_ms());
        let subject = format!("provider {name}");
        // Such dates have whole seconds.
        let precision = took + std::time::Duration::from_secs(1);
        patient::clock(&subject, (here_ms, there_ms), precision)
    });
    [found].into_iter().chain(clock).collect()
}
