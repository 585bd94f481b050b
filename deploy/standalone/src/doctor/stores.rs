//! Stores that are configured: whether they answer, how soon, what schema they have, and what time it is there.

use std::time::Duration;

use floopy_controlplane as control;
use floopy_dataplane::config as proxy;
use http::Method;
use redis::{AsyncConnectionConfig, Client as RedisClient, cmd};

use super::{
    Given,
    finding::{Check, Finding},
    patient,
    subject::Subject,
};
use crate::remote::{Client, ClientError};

/// What the control plane keeps everything in.
pub(super) async fn store(config: &control::Config, given: &Given) -> Vec<Finding> {
    let before = given.clock.now_ms();
    let glance = async {
        let told = control::glance_at_store(config).await;
        told.map_err(|e| e.to_string())
    };
    let (glance, took) = patient::asked(given, glance).await;
    let subject = match &config.store.url {
        Some(_) => "postgres",
        None => "sqlite",
    };
    let glance = match glance {
        Ok(glance) => glance,
        Err(reason) => {
            let advice = "see that it runs, and what [control.store] url says ([store] url of the control plane)";
            let failed = Finding::fail(Check::Store, subject, reason, advice);
            return vec![failed.in_time(took)];
        }
    };
    let schema = schema(Check::Store, subject, (glance.found, glance.known));
    let clock = glance.now_ms.map(|there| {
        let here = before.midpoint(given.clock.now_ms());
        // The connection is made before the question is asked.
        patient::clock(subject, (here, there), took)
    });
    [schema.in_time(took)].into_iter().chain(clock).collect()
}

/// Where decisions are looked up, if that is not the store.
pub(super) async fn decision_log(config: &control::Config, given: &Given) -> Vec<Finding> {
    let before = given.clock.now_ms();
    let glance = async {
        let told = control::glance_at_decision_log(config).await;
        told.map_err(|e| e.to_string())
    };
    let (glance, took) = patient::asked(given, glance).await;
    let subject = "clickhouse";
    match glance {
        Ok(None) => Vec::new(),
        Ok(Some(glance)) => {
            let versions = (i64::from(glance.found), i64::from(glance.known));
            let schema = schema(Check::DecisionLog, subject, versions);
            let here = before.midpoint(given.clock.now_ms());
            let clock = patient::clock(subject, (here, glance.now_ms), took);
            vec![schema.in_time(took), clock]
        }
        Err(reason) => {
            let advice = "decisions are kept until it is back; see that it runs, and what [control.decision_log] url says";
            let failed = Finding::fail(Check::DecisionLog, subject, reason, advice);
            vec![failed.in_time(took)]
        }
    }
}

fn schema(check: Check, subject: &str, (found, known): (i64, i64)) -> Finding {
    if found > known {
        let message = format!("schema {found} is newer than {known}, which this program knows");
        return Finding::fail(
            check,
            subject,
            message,
            "run the newer program, or restore a backup",
        );
    }
    let message = match found {
        0 => "answers; has no schema yet, the first start makes it".to_owned(),
        found if found < known => {
            format!("answers; schema {found}, the next start brings it to {known}")
        }
        found => format!("answers; schema {found}"),
    };
    Finding::ok(check, subject, message)
}

/// A Redis, and what it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    subject: &'static str,
    url: &'a str,
}

/// The Redises that are configured.
pub(super) fn redises(subject: &Subject) -> impl Iterator<Item = Shared<'_>> {
    let proxy = subject.proxy.as_ref().and_then(|it| it.redis.url.as_ref());
    let control = subject
        .control
        .as_ref()
        .and_then(|it| it.redis.url.as_ref());
    let shared = |subject, url| Some(Shared { subject, url });
    [
        proxy.and_then(|url| shared("proxy.redis", url.expose())),
        control.and_then(|url| shared("control.redis", url.expose())),
    ]
    .into_iter()
    .flatten()
}

pub(super) async fn redis(shared: Shared<'_>, given: &Given) -> Vec<Finding> {
    let before = given.clock.now_ms();
    let (told, took) = patient::asked(given, time_of(shared.url, given.deadline)).await;
    match told {
        Ok(there) => {
            let here = before.midpoint(given.clock.now_ms());
            vec![
                Finding::ok(Check::Redis, shared.subject, "answers").in_time(took),
                patient::clock(shared.subject, (here, there), took),
            ]
        }
        Err(reason) => {
            let advice = format!(
                "calls are served without it; see that it runs, and what [{}] url says",
                shared.subject
            );
            let failed = Finding::fail(Check::Redis, shared.subject, reason, advice);
            vec![failed.in_time(took)]
        }
    }
}

/// The server's clock in milliseconds since 1970.
async fn time_of(url: &str, deadline: Duration) -> Result<u64, String> {
    // An error of the URL may quote its password.
    let client = RedisClient::open(url).map_err(|_| "its url cannot be read".to_owned())?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline));
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connected.await.map_err(|e| e.to_string())?;
    let told = cmd("TIME").query_async(&mut connection).await;
    let (seconds, micros): (u64, u64) = told.map_err(|e| e.to_string())?;
    Ok(seconds * 1_000 + micros / 1_000)
}

pub(super) async fn qdrant(config: &proxy::Config, given: &Given) -> Vec<Finding> {
    let Some(url) = &config.qdrant.url else {
        return Vec::new();
    };
    let key = config
        .qdrant
        .api_key
        .as_ref()
        .map_or("", |key| key.expose());
    let client = Client::new(url, key);
    let path = format!("/collections/{}", config.qdrant.collection);
    let question = async {
        match client.ask(Method::GET, &path, None).await {
            Ok(_) => Ok(format!(
                "answers; has the collection {:?}",
                config.qdrant.collection
            )),
            Err(ClientError::Refused { status, .. }) if status == http::StatusCode::NOT_FOUND => {
                Ok(format!(
                    "answers; has no collection {:?} yet, the proxy makes it",
                    config.qdrant.collection
                ))
            }
            Err(error) => Err(error.to_string()),
        }
    };
    let (told, took) = patient::asked(given, question).await;
    let finding = match told {
        Ok(message) => Finding::ok(Check::Qdrant, "proxy.qdrant", message),
        Err(reason) => {
            let advice =
                "calls are served without it; see that it runs, and what [proxy.qdrant] says";
            Finding::fail(Check::Qdrant, "proxy.qdrant", reason, advice)
        }
    };
    vec![finding.in_time(took)]
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Health, *};

    #[test]
    fn only_a_schema_of_a_newer_program_fails() {
        let health = |found| schema(Check::Store, "sqlite", (found, 3)).health;
        assert_eq!([0, 2, 3].map(health), [Health::Ok; 3]);
        assert_eq!(health(4), Health::Fail);
    }

    #[tokio::test]
    async fn the_password_of_a_redis_that_is_gone_is_not_told() {
        let told = time_of("redis://:s3cret@127.0.0.1:1", Duration::from_secs(2)).await;
        let told = told.expect_err("nobody listens there");
        assert!(!told.is_empty() && !told.contains("s3cret"), "{told}");
        let told = time_of("redi://:s3cret@host", Duration::from_secs(2)).await;
        assert_eq!(told, Err("its url cannot be read".to_owned()));
    }
}
