//! What was found, for people and for programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::catalog::table::{Side, table};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Configuration,
    Data,
    OpenFiles,
    Store,
    DecisionLog,
    Redis,
    Qdrant,
    Clock,
    Provider,
    Firewall,
    Listener,
    Peer,
    Certificate,
}

impl Check {
    fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Data => "data",
            Self::OpenFiles => "open_files",
            Self::Store => "store",
            Self::DecisionLog => "decision_log",
            Self::Redis => "redis",
            Self::Qdrant => "qdrant",
            Self::Clock => "clock",
            Self::Provider => "provider",
            Self::Firewall => "firewall",
            Self::Listener => "listener",
            Self::Peer => "peer",
            Self::Certificate => "certificate",
        }
    }
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Ok,
    Warn,
    Fail,
}

impl Health {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    check: Check,
    /// What of its kind: a key of the configuration, or a name.
    subject: String,
    pub(super) health: Health,
    pub(super) message: String,
    /// What to do about it.
    advice: Option<String>,
    took: Option<Duration>,
}

impl Finding {
    pub(super) fn ok(check: Check, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            check,
            subject: subject.into(),
            health: Health::Ok,
            message: message.into(),
            advice: None,
            took: None,
        }
    }

    pub(super) fn warn(
        check: Check,
        subject: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            health: Health::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, subject, message)
        }
    }

    pub(super) fn fail(
        check: Check,
        subject: impl Into<String>,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            health: Health::Fail,
            ..Self::warn(check, subject, message, advice)
        }
    }

    /// With how long it took.
    pub(super) fn in_time(self, took: Duration) -> Self {
        Self {
            took: Some(took),
            ..self
        }
    }

    fn json(&self) -> Value {
        json!({
            "check": self.check.as_str(),
            "subject": self.subject,
            "status": self.health.as_str(),
            "message": self.message,
            "advice": self.advice,
            "took_ms": self.took.map(|took| took.as_millis()),
        })
    }

    fn row(&self) -> Vec<String> {
        let took = self
            .took
            .map_or_else(String::new, |took| format!(" ({} ms)", took.as_millis()));
        let advice = self.advice.as_ref();
        let advice = advice.map_or_else(String::new, |advice| format!("; {advice}"));
        vec![
            self.health.as_str().to_uppercase(),
            self.check.as_str().to_owned(),
            self.subject.clone(),
            format!("{}{took}{advice}", self.message),
        ]
    }
}

/// Everything that was found.
#[derive(Debug)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    pub(super) fn new(findings: Vec<Finding>) -> Self {
        Self(findings)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn count(&self, health: Health) -> usize {
        self.0.iter().filter(|it| it.health == health).count()
    }

    fn worst(&self) -> Health {
        let worst = self.0.iter().map(|it| it.health).max();
        worst.unwrap_or(Health::Ok)
    }

    pub(super) fn json(&self) -> Value {
        let checks: Vec<Value> = self.0.iter().map(Finding::json).collect();
        json!({"status": self.worst().as_str(), "checks": checks})
    }

    pub(super) fn text(&self) -> String {
        let heads = [
            ("", Side::Left),
            ("CHECK", Side::Left),
            ("OF", Side::Left),
            ("FOUND", Side::Left),
        ];
        let rows: Vec<Vec<String>> = self.0.iter().map(Finding::row).collect();
        // What others say may hold what would move the terminal's cursor.
        let shown = table(&heads, &rows);
        let shown: String = shown
            .chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .collect();
        format!(
            "{shown}\n\n{} ok, {} to look at, {} failed",
            self.count(Health::Ok),
            self.count(Health::Warn),
            self.count(Health::Fail)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_every_finding_is_told_to_people_and_programs() {
        let took = Duration::from_millis(7);
        let report = Report::new(vec![
            Finding::ok(Check::Store, "sqlite", "schema 3").in_time(took),
            Finding::warn(Check::Clock, "store", "5 s \u{1b}[2Jahead", "run NTP"),
        ]);
        assert_eq!(report.json()["status"], "warn");
        assert_eq!(report.json()["checks"][0]["took_ms"], 7);
        let text = report.text();
        assert!(
            text.contains("schema 3 (7 ms)") && text.contains("; run NTP"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && text.ends_with("1 ok, 1 to look at, 0 failed"),
            "{text}"
        );
    }
}
