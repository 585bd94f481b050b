//! What can be used of the section about traces.

use http::{HeaderName, HeaderValue};

use super::{InvalidConfig, address::check_url};
use crate::config::Traces;

pub(super) fn check(config: &Traces) -> Result<(), InvalidConfig> {
    let invalid = |key: &str, value: String, expected| {
        Err(InvalidConfig {
            key: format!("traces.{key}"),
            value,
            expected,
        })
    };
    if let Some(endpoint) = &config.endpoint {
        // Not shown: it may have a password in it.
        if endpoint.contains('@') {
            let expected = "one without: what is secret goes into headers";
            return invalid("endpoint", "a URL with a user name".to_owned(), expected);
        }
        check_url("traces.endpoint", endpoint)?;
        if endpoint.contains(['?', '#']) {
            let expected = "without a query, as in http://localhost:4317";
            return invalid("endpoint", format!("{endpoint:?}"), expected);
        }
    }
    for (name, value) in &config.headers {
        if HeaderName::try_from(name).is_err() {
            return invalid("headers", format!("{name:?}"), "names of HTTP headers");
        }
        if HeaderValue::from_str(value.expose()).is_err() {
            let key = format!("headers.{name}");
            return invalid(&key, "not shown".to_owned(), "text without line breaks");
        }
    }
    if config.service.trim().is_empty() {
        return invalid("service", format!("{:?}", config.service), "a name");
    }
    if !(0.0..=1.0).contains(&config.sample) {
        return invalid("sample", config.sample.to_string(), "0 to 1");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_is_said_of_traces_is_refused_by_its_key() {
        for (lines, expected) in [
            (
                "endpoint = \"collector:4317\"",
                "traces.endpoint is \"collector:4317\", it must be an http:// or https:// URL",
            ),
            (
                "endpoint = \"http://me:secret@collector:4317\"",
                "traces.endpoint is a URL with a user name",
            ),
            (
                "endpoint = \"http://collector:4317/?a=b\"",
                "it must be without a query",
            ),
            (
                "headers = { \"a b\" = \"secret\" }",
                "traces.headers is \"a b\", it must be names of HTTP headers",
            ),
            (
                "headers = { \"x-key\" = \"me:secret\\n\" }",
                "traces.headers.x-key is not shown, it must be text without line breaks",
            ),
            ("service = \" \"", "traces.service is \" \", it must be"),
            ("sample = 1.5", "traces.sample is 1.5, it must be 0 to 1"),
        ] {
            let text = format!("[traces]\n{lines}");
            let config: Config =
                floopy_shared::process::config::parse(&text, "x.toml").expect("readable");
            let error = config.check().expect_err(lines).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("me:secret"), "{error}");
        }
    }
}
