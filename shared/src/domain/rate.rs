//! Limits that a tenant sets for calls beyond those of its keys: for all of its calls together, for each value of a
//! property, or for calls that ask to be held to one.

use super::{constraints::InvalidConstraints, rule::is_name};

/// Of one tenant.
pub const MAX_RATE_LIMITS: usize = 16;
/// A day: what is longer is a budget.
pub const MAX_WINDOW_S: u32 = 86_400;

/// At most so much in a sliding window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    pub name: String,
    pub by: RateBy,
    pub window_s: u32,
    pub requests: Option<u64>,
    /// Of replies that ended within the window.
    pub tokens: Option<u64>,
    /// It holds for calls that name it, and for no others.
    pub when_named: bool,
}

/// Whose calls count together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateBy {
    /// All of the tenant's.
    Tenant,
    /// Each key's.
    Key,
    /// Those of each value that the header `floopy-property-<name>` has; calls without it count nowhere.
    Property(String),
}

const PROPERTY: &str = "property:";

impl RateBy {
    /// As it is written: `tenant`, `key` or `property:<name>`.
    pub fn write(&self) -> String {
        match self {
            Self::Tenant => "tenant".to_owned(),
            Self::Key => "key".to_owned(),
            Self::Property(name) => format!("{PROPERTY}{name}"),
        }
    }

    /// Reads that; names of properties are in lower case, as those of headers are.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "tenant" => Some(Self::Tenant),
            "key" => Some(Self::Key),
            _ => {
                let name = text.strip_prefix(PROPERTY)?;
                let name = name.to_ascii_lowercase();
                (is_name(&name) && !name.contains('.')).then_some(Self::Property(name))
            }
        }
    }
}

/// Refuses limits that contradict each other or let nothing pass.
pub fn validate(limits: &[RateLimit]) -> Result<(), InvalidConstraints> {
    if limits.len() > MAX_RATE_LIMITS {
        let count = limits.len();
        let reason = format!("{count} are listed, at most {MAX_RATE_LIMITS} are allowed");
        return Err(InvalidConstraints::new("rate_limits", reason));
    }
    for (at, limit) in limits.iter().enumerate() {
        if let Some((key, reason)) = wrong(&limits[..at], limit) {
            let field = format!("rate_limits[{at}].{key}");
            return Err(InvalidConstraints::new(field, reason));
        }
    }
    Ok(())
}

/// The first field that cannot be meant, and why.
fn wrong(earlier: &[RateLimit], limit: &RateLimit) -> Option<(&'static str, String)> {
    let name = &limit.name;
    if !is_name(name) {
        let reason = format!("{name:?} is not allowed; it must be 1 to 64 of a-z A-Z 0-9 - _ .");
        return Some(("name", reason));
    }
    if earlier.iter().any(|other| other.name == *name) {
        return Some(("name", format!("{name:?} is listed twice")));
    }
    if !(1..=MAX_WINDOW_S).contains(&limit.window_s) {
        let window_s = limit.window_s;
        let reason = format!("{window_s} is not allowed; it must be 1 to {MAX_WINDOW_S}, a day");
        return Some(("window_seconds", reason));
    }
    let own = [
        ("max_requests", limit.requests),
        ("max_tokens", limit.tokens),
    ];
    if let Some((key, _)) = own.iter().find(|(_, most)| *most == Some(0)) {
        let reason = "0 lets nothing pass; it must be above 0, or null for no limit";
        return Some((key, reason.to_owned()));
    }
    if own.iter().all(|(_, most)| most.is_none()) {
        let reason = format!("{name:?} limits nothing; set max_requests, max_tokens or both");
        return Some(("max_requests", reason));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> RateLimit {
        RateLimit {
            name: name.to_owned(),
            by: RateBy::Tenant,
            window_s: 60,
            requests: Some(1),
            tokens: None,
            when_named: false,
        }
    }

    #[test]
    fn what_counts_together_is_read_as_it_is_written() {
        for text in ["tenant", "key", "property:customer-1"] {
            let by = RateBy::parse(text).expect(text);
            assert_eq!(by.write(), text);
        }
        assert_eq!(
            RateBy::parse("property:Customer"),
            Some(RateBy::Property("customer".to_owned()))
        );
        for text in [
            "",
            "user",
            "property:",
            "property:a b",
            "property:a.b",
            "Tenant",
        ] {
            assert_eq!(RateBy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn limits_that_cannot_be_meant_are_refused_by_name() {
        let cases = [
            (vec![limit("a b")], "\"a b\" is not allowed"),
            (
                vec![limit("a"), limit("a")],
                "rate_limits[1].name: \"a\" is listed twice",
            ),
            (
                vec![RateLimit {
                    window_s: 0,
                    ..limit("a")
                }],
                "rate_limits[0].window_seconds: 0",
            ),
            (
                vec![RateLimit {
                    tokens: Some(0),
                    ..limit("a")
                }],
                "rate_limits[0].max_tokens: 0 lets nothing pass",
            ),
            (
                vec![RateLimit {
                    requests: None,
                    ..limit("a")
                }],
                "limits nothing",
            ),
            (
                (0..17).map(|n| limit(&format!("l{n}"))).collect(),
                "17 are listed",
            ),
        ];
        for (limits, expected) in cases {
            let error = validate(&limits).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(validate(&[limit("a"), limit("b")]), Ok(()));
    }
}
