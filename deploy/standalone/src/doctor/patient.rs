//! Waiting no longer than the deadline of a check.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::{
    Given,
    finding::{Check, Finding},
};

/// What came of a question, and how long it took; what came too late is an error like any other.
pub(super) async fn asked<T>(
    given: &Given,
    question: impl Future<Output = Result<T, String>>,
) -> (Result<T, String>, Duration) {
    let begun = Instant::now();
    let answer = tokio::time::timeout(given.deadline, question).await;
    let late = |_| Err(format!("no answer within {:?}", given.deadline));
    (answer.unwrap_or_else(late), begun.elapsed())
}

/// The same of what blocks its thread. One that is late goes on there, and nobody waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    given: &Given,
    question: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> (Result<T, String>, Duration) {
    let told = async {
        let ended = tokio::task::spawn_blocking(question).await;
        ended.unwrap_or_else(|error| Err(error.to_string()))
    };
    asked(given, told).await
}

/// Above this, days of budgets and ends of leases are not the same for both.
const WARN_MS: u64 = 5_000;
/// Above this, cloud providers refuse signed calls soon, and tokens end before they begin.
const FAIL_MS: u64 = 60_000;

/// How far another clock is from this machine's; `precision` is what it is told in.
pub(super) fn clock(
    subject: &str,
    (here_ms, there_ms): (u64, u64),
    precision: Duration,
) -> Finding {
    let apart = here_ms.abs_diff(there_ms);
    let precision = u64::try_from(precision.as_millis()).unwrap_or(u64::MAX);
    let apart = apart.saturating_sub(precision);
    let word = if here_ms > there_ms {
        "ahead of"
    } else {
        "behind"
    };
    let message = format!("this machine's clock is {apart} ms {word} {subject}");
    let advice = "keep the clocks of all machines with NTP";
    match apart {
        0 => Finding::ok(Check::Clock, subject, "the clocks agree"),
        _ if apart > FAIL_MS => Finding::fail(Check::Clock, subject, message, advice),
        _ if apart > WARN_MS => Finding::warn(Check::Clock, subject, message, advice),
        _ => Finding::ok(Check::Clock, subject, message),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Health, *};

    #[test]
    fn clocks_may_differ_by_what_they_are_told_in_and_a_little() {
        let second = Duration::from_secs(1);
        let health = |here, there| clock("x", (here, there), second).health;
        assert_eq!(health(100_000, 100_900), Health::Ok);
        assert_eq!(health(100_000, 105_000), Health::Ok);
        assert_eq!(health(100_000, 107_000), Health::Warn);
        assert_eq!(health(200_000, 100_000), Health::Fail);
        let told = clock("x", (107_000, 100_000), second).message;
        assert_eq!(told, "this machine's clock is 6000 ms ahead of x");
    }
}
