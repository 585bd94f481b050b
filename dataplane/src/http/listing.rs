//! What paths and queries of files and batches say.

use http::StatusCode;
use percent_encoding::percent_decode_str;

use super::respond::Refusal;

/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

/// What stands below a path, as it was sent: our ids need no escapes, so what has some is none of them.
pub(super) fn segments<'a>(path: &'a str, above: &str) -> Option<Vec<&'a str>> {
    let below = path.strip_prefix(above)?;
    if below.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<&str> = below.strip_prefix('/')?.split('/').collect();
    (!segments.contains(&"")).then_some(segments)
}

/// A query of known names.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Refusal> {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            String::from_utf8(percent_decode_str(&text).collect())
        };
        let pairs = query
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty());
        let mut read: Vec<(String, String)> = Vec::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A name that is no text is shown, and is none of those that are known.
            let name = decoded(name)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
            let shown: String = name.chars().take(SHOWN_CHARS).collect();
            if !known.contains(&name.as_str()) {
                let message = format!(
                    "{shown:?} is not a parameter of this path, which has {}",
                    known.join(", ")
                );
                return Err(invalid(&shown, message));
            }
            if read.iter().any(|(other, _)| *other == name) {
                return Err(invalid(&shown, format!("{shown} is given twice")));
            }
            let value = decoded(value).map_err(|_| {
                let message = format!("{shown} is not text: it must be percent-encoded UTF-8");
                invalid(&shown, message)
            })?;
            read.push((name, value));
        }
        Ok(Self(read))
    }

    /// Empty where it was not given.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// How many are asked for.
    pub(super) fn limit(&self, (usual, max): (u32, u32)) -> Result<u32, Refusal> {
        let text = self.text("limit");
        if text.is_empty() {
            return Ok(usual);
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = is_plain.then(|| text.parse::<u32>().ok()).flatten();
        let limit = limit.filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| self.wrong("limit", text, &format!("a number from 1 to {max}")))
    }

    pub(super) fn wrong(&self, name: &str, value: &str, expected: &str) -> Refusal {
        let shown: String = value.chars().take(SHOWN_CHARS).collect();
        invalid(name, format!("{name} is {shown:?}, it must be {expected}"))
    }
}

fn invalid(name: &str, message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", message).about(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_as_it_was_sent() {
        let cut = |path| segments(path, "/v1/files");
        assert_eq!(cut("/v1/files"), Some(vec![]));
        assert_eq!(
            cut("/v1/files/a%2Fb/content"),
            Some(vec!["a%2Fb", "content"])
        );
        for none in ["/v1/filesx", "/v1/files/", "/v1/files//content", "/v1"] {
            assert_eq!(cut(none), None, "{none}");
        }
    }

    #[test]
    fn what_a_query_says_wrong_is_named() {
        let known = ["limit", "after"];
        let query = Query::read(Some("limit=5&after=a%20b"), &known);
        let query = query.unwrap_or_else(|refusal| panic!("{}", refusal.message));
        assert_eq!(
            (query.text("after"), query.limit((20, 100)).ok()),
            ("a b", Some(5))
        );
        for (text, expected) in [
            (
                "limit=0",
                "limit is \"0\", it must be a number from 1 to 100",
            ),
            ("limit=101", "limit is \"101\""),
            ("limit=%2B5", "limit is \"+5\""),
            ("limit=+5", "limit is \" 5\""),
            ("after=a%ff", "after is not text"),
            ("%ff=1", "\"\u{fffd}\" is not a parameter"),
            ("order=asc", "\"order\" is not a parameter"),
            ("limit=1&limit=2", "limit is given twice"),
        ] {
            let read = Query::read(Some(text), &known).and_then(|q| q.limit((20, 100)));
            let message = read.expect_err(text).message;
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
