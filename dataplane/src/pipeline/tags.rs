//! What a caller says a call belongs to: labels in headers, and the end user in either place.

use std::collections::BTreeMap;

use floopy_shared::domain::tags::{MAX_PROPERTIES, NAME_BYTES, Tags, VALUE_BYTES, is_value};
use http::{HeaderMap, HeaderName, StatusCode};

use super::plan::text_header;
use crate::{admit::Admitted, call::Call, http::respond::Refusal};

static NAME: HeaderName = HeaderName::from_static("floopy-session-name");
static PATH: HeaderName = HeaderName::from_static("floopy-session-path");
/// OpenAI's `user` is the same.
pub(super) static USER: HeaderName = HeaderName::from_static("floopy-user-id");
/// How the headers of a caller's own properties begin.
pub(crate) const PROPERTY: &str = "floopy-property-";

/// Those of a call; `None`: it has none. Of bodies with zero retention nothing is kept, not even whose they are.
pub(super) fn of(
    headers: &HeaderMap,
    call: &Call,
    admitted: &Admitted,
) -> Result<Option<Box<Tags>>, Refusal> {
    read(
        headers,
        call.user().filter(|_| !admitted.tenant.zero_retention),
    )
}

fn read(headers: &HeaderMap, said: Option<&str>) -> Result<Option<Box<Tags>>, Refusal> {
    if headers.is_empty() && said.is_none() {
        return Ok(None);
    }
    let user = match value(headers, &USER)? {
        Some(user) => Some(user),
        // Not refused where it cannot be kept: its provider takes it.
        None => said.filter(|user| is_value(user)).map(str::to_owned),
    };
    let tags = Tags {
        session_name: value(headers, &NAME)?,
        session_path: value(headers, &PATH)?,
        user,
        properties: properties(headers)?,
    };
    Ok(Some(tags).filter(|tags| !tags.is_empty()).map(Box::new))
}

fn properties(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let mut properties = BTreeMap::new();
    for header in headers.keys() {
        let Some(name) = header.as_str().strip_prefix(PROPERTY) else {
            continue;
        };
        if !(1..=NAME_BYTES).contains(&name.len()) {
            let rule = format!("the name after {PROPERTY} must have 1 to {NAME_BYTES} characters");
            return Err(refusal(header, &rule));
        }
        let Some(value) = value(headers, header)? else {
            continue;
        };
        properties.insert(name.to_owned(), value);
        if properties.len() > MAX_PROPERTIES {
            let rule = format!("a call may have at most {MAX_PROPERTIES} properties");
            return Err(refusal(header, &rule));
        }
    }
    Ok(properties)
}

fn value(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let Some(text) = text_header(headers, name)? else {
        return Ok(None);
    };
    if !is_value(text) {
        let bytes = text.len();
        let rule = format!(
            "it has {bytes} bytes, it must have 1 to {VALUE_BYTES} without control characters"
        );
        return Err(refusal(name, &rule));
    }
    Ok(Some(text.to_owned()))
}

fn refusal(header: &HeaderName, rule: &str) -> Refusal {
    let name: String = header.as_str().chars().take(2 * NAME_BYTES).collect();
    let message = format!("the header {name}: {rule}");
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(headers: &[(&str, &str)], user: &str) -> Result<Option<Box<Tags>>, Option<String>> {
        let header = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        };
        let headers: HeaderMap = headers.iter().map(header).collect();
        let user = Some(user).filter(|user| !user.is_empty());
        read(&headers, user).map_err(|refusal| refusal.param)
    }

    #[test]
    fn labels_are_read_of_headers_and_the_user_of_either() {
        let found = tags(
            &[
                ("floopy-session-name", " Onboarding "),
                ("floopy-session-path", "/app/onboarding"),
                ("Floopy-Property-Plan", "pro"),
                ("floopy-property-empty", ""),
            ],
            "ann",
        );
        let expected = Tags {
            session_name: Some("Onboarding".to_owned()),
            session_path: Some("/app/onboarding".to_owned()),
            user: Some("ann".to_owned()),
            properties: [("plan".to_owned(), "pro".to_owned())].into(),
        };
        assert_eq!(found, Ok(Some(Box::new(expected))));
        let user = |found: Option<Box<Tags>>| found.and_then(|tags| tags.user);
        let named = [("floopy-user-id", "bob")];
        assert_eq!(tags(&named, "ann").map(user), Ok(Some("bob".to_owned())));
        assert_eq!(tags(&[], ""), Ok(None));
        assert_eq!(tags(&[], &"x".repeat(VALUE_BYTES + 1)), Ok(None));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_its_header() {
        let long = "x".repeat(VALUE_BYTES + 1);
        let long_name = format!("{PROPERTY}{}", "n".repeat(NAME_BYTES + 1));
        for (name, value) in [
            ("floopy-user-id", &*long),
            ("floopy-property-plan", &*long),
            ("floopy-session-path", "a\tb"),
            (PROPERTY, "x"),
            (&*long_name, "x"),
        ] {
            assert_eq!(tags(&[(name, value)], ""), Err(Some(name.to_owned())));
        }
        let many: Vec<String> = (0..=MAX_PROPERTIES)
            .map(|n| format!("{PROPERTY}p{n}"))
            .collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (&**name, "x")).collect();
        assert!(tags(&many, "").is_err() && tags(&many[1..], "").is_ok());
    }
}
