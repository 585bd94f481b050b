//! How long a provider asks to be left alone, in the forms that providers use.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName,
    header::{DATE, RETRY_AFTER},
};

static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What OpenAI and those like it limit, each with the headers of what remains and when it is refilled.
static LIMITS: [(HeaderName, HeaderName); 2] = [
    (
        HeaderName::from_static("x-ratelimit-remaining-requests"),
        HeaderName::from_static("x-ratelimit-reset-requests"),
    ),
    (
        HeaderName::from_static("x-ratelimit-remaining-tokens"),
        HeaderName::from_static("x-ratelimit-reset-tokens"),
    ),
];

/// The pause asked for, the more exact form first.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let after_ms = text(headers, &RETRY_AFTER_MS).and_then(|text| scaled(text, 1e-3));
    after_ms
        .or_else(|| retry_after(headers))
        .or_else(|| refill(headers))
}

/// RFC 9110, section 10.2.3: seconds, or a date. A date is taken relative to the reply's own `Date`, so that
/// clocks need not agree; without one it says nothing.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let after = text(headers, &RETRY_AFTER)?;
    if let Some(seconds) = scaled(after, 1.0) {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(after).ok()?;
    let now = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// As `Retry-After` says it.
pub(super) fn whole_seconds(pause: Duration) -> u64 {
    pause.as_secs() + u64::from(pause.subsec_nanos() > 0)
}

/// When whatever is used up is refilled.
fn refill(headers: &HeaderMap) -> Option<Duration> {
    let used_up = LIMITS
        .iter()
        .filter(|(remaining, _)| text(headers, remaining) == Some("0"));
    used_up
        .filter_map(|(_, reset)| go_duration(text(headers, reset)?))
        .max()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn scaled(text: &str, unit_seconds: f64) -> Option<Duration> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = text.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(number * unit_seconds).ok()
}

/// As Go prints them: `6m0s`, `1.5s`, `20ms`.
fn go_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let units = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(units);
        let unit_seconds = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        total = total.saturating_add(scaled(number, unit_seconds)?);
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(headers: &[(&'static str, &'static str)], expected_ms: Option<u64>) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            })
            .collect();
        let pause = asked(&headers);
        assert_eq!(pause, expected_ms.map(Duration::from_millis), "{headers:?}");
    }

    #[test]
    fn every_form_is_understood_and_the_exact_one_counts() {
        check(&[("retry-after", "3")], Some(3_000));
        check(&[("retry-after", "0.25")], Some(250));
        check(
            &[("retry-after-ms", "1500"), ("retry-after", "2")],
            Some(1_500),
        );
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT"), date],
            Some(20_000),
        );
        check(
            &[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date],
            Some(0),
        );
        check(
            &[
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "1m0.5s"),
            ],
            Some(60_500),
        );
    }

    #[test]
    fn what_is_no_pause_says_nothing() {
        check(&[], None);
        for text in ["-3", "soon", "inf", "NaN", "1e9", ""] {
            check(&[("retry-after", text)], None);
        }
        check(&[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")], None);
        let reset = ("x-ratelimit-reset-requests", "20ms");
        check(&[("x-ratelimit-remaining-requests", "3"), reset], None);
        assert_eq!(go_duration("5x"), None);
    }
}
