//! The paths that the control plane answers.

use crate::metrics::RouteLabel;

/// Of a question's body, where the path has no other bound.
const BODY_BYTES: usize = 1 << 20;

/// Rows of a data set come many at a time.
const ROWS_BYTES: usize = 16 << 20;

/// How an answer is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Once all of it is here.
    Whole,
    /// As it comes, however long it is.
    Streamed,
}

/// A path, and everything below it. What is not there is answered by the control plane too.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    path: &'static str,
    /// Of a question.
    pub body_bytes: usize,
    pub answer: Answer,
}

impl Forwarded {
    const fn at(path: &'static str) -> Self {
        Self {
            path,
            body_bytes: BODY_BYTES,
            answer: Answer::Whole,
        }
    }

    pub(crate) fn label(&self) -> RouteLabel {
        match self.path {
            "/v1/decisions" => RouteLabel::Decisions,
            _ => RouteLabel::Control,
        }
    }

    /// Where a raw path leads, if the control plane answers it.
    pub(crate) fn of(path: &str) -> Option<&'static Self> {
        let found = FORWARDED.iter().find(|forwarded| {
            let below = path.strip_prefix(forwarded.path);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        });
        found.filter(|_| !climbs(path))
    }
}

static FORWARDED: [Forwarded; 26] = [
    Forwarded::at("/v1/decisions"),
    Forwarded {
        answer: Answer::Streamed,
        ..Forwarded::at("/v1/export")
    },
    Forwarded::at("/v1/routing/baseline"),
    Forwarded::at("/v1/routing/rankings"),
    Forwarded::at("/v1/routing/replay"),
    Forwarded::at("/v1/routing/rules"),
    Forwarded::at("/v1/constraints"),
    Forwarded::at("/v1/experiments"),
    Forwarded::at("/v1/session"),
    Forwarded::at("/v1/sessions"),
    Forwarded::at("/v1/evaluations"),
    Forwarded {
        body_bytes: ROWS_BYTES,
        ..Forwarded::at("/v1/datasets")
    },
    Forwarded::at("/v1/optimization"),
    Forwarded::at("/v1/pool"),
    Forwarded::at("/v1/promotions"),
    Forwarded::at("/v1/prompts"),
    Forwarded::at("/v1/keys"),
    Forwarded::at("/v1/projects"),
    Forwarded::at("/v1/providers"),
    Forwarded::at("/v1/webhooks"),
    Forwarded::at("/v1/usage"),
    Forwarded::at("/v1/cache"),
    Forwarded::at("/v1/firewall"),
    Forwarded::at("/v1/judge"),
    Forwarded::at("/v1/mcp"),
    Forwarded::at("/v1/audit"),
];

/// Ratings are told there, and taken here. Nothing below it is told.
pub(crate) static RATINGS: Forwarded = Forwarded::at("/v1/feedback");

/// Whether some server on the way could read it as a path outside of what is forwarded (RFC 3986, 5.2.4).
fn climbs(path: &str) -> bool {
    let dots = |segment: &str| {
        let plain = segment.replace("%2e", ".");
        plain == "." || plain == ".."
    };
    // Slashes in other forms, too.
    let path = path
        .to_ascii_lowercase()
        .replace("%2f", "/")
        .replace("%5c", "/");
    path.split(['/', '\\']).any(dots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_control_plane_with_everything_below_it() {
        let cases = [
            ("/v1/decisions", Some("/v1/decisions")),
            ("/v1/decisions/a%2Fb", Some("/v1/decisions")),
            ("/v1/session/sess%2F1", Some("/v1/session")),
            ("/v1/experiments/x/rollback", Some("/v1/experiments")),
            ("/v1/routing/replay", Some("/v1/routing/replay")),
            ("/v1/constraints/", Some("/v1/constraints")),
            ("/v1/decisionsx", None),
            ("/v1/routing", None),
            ("/v1/routing/explain", None),
            ("/v1", None),
            ("/metrics", None),
            ("/v1/decisions/../../metrics", None),
            ("/v1/decisions/%2e%2E/status", None),
            ("/v1/keys/.", None),
            ("/v1/keys/..%2F..%2fmetrics", None),
            ("/v1/keys/..%5c..", None),
            ("/v1/keys/...", Some("/v1/keys")),
        ];
        for (path, expected) in cases {
            let found = Forwarded::of(path).map(|forwarded| forwarded.path);
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn no_path_is_below_another_one() {
        for forwarded in &FORWARDED {
            let at = format!("{}/x", forwarded.path);
            assert_eq!(Forwarded::of(&at), Some(forwarded));
        }
    }
}
