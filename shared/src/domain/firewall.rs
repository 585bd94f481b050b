//! The firewall: what a tenant has done about calls that look like attacks, and what was found in one of them.

pub mod output;

use std::{borrow::Cow, fmt, sync::Arc};

use self::output::{Output, Watched};
use super::{constraints::InvalidConstraints, decision::Decision, sensitive};

/// The least score that may count as an attack, in thousandths.
pub const MIN_THRESHOLD: u16 = 10;
/// Phrases that a tenant may let pass.
pub const MAX_PHRASES: usize = 100;
/// Of one of them, in characters other than spaces: a shorter one would let too much pass.
pub const MIN_PHRASE: usize = 4;
/// In characters, with its spaces.
pub const MAX_PHRASE: usize = 1_000;

/// What is done about calls that look like attacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Firewall {
    pub mode: Mode,
    /// The score from which on a call counts as an attack, in thousandths; `None`: what the model came with.
    pub threshold: Option<u16>,
    /// What becomes of calls that cannot be scored.
    pub on_failure: OnFailure,
    /// Whose messages are looked at; none: [`Role::USUAL`].
    pub roles: Vec<Role>,
    /// Phrases that do not count, letter by letter.
    pub allow: Arc<[String]>,
    /// How what is said is kept, where it is kept.
    pub kept: Kept,
    /// What is done about replies.
    pub output: Output,
    /// How what users and tools say is sent.
    pub sent: Sent,
}

/// What becomes of a call that looks like an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Nobody looks.
    #[default]
    Off,
    /// It is served, and its record says so.
    Log,
    /// It is refused.
    Block,
}

/// What becomes of a call that cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFailure {
    #[default]
    Allow,
    Refuse,
}

/// How conversations and replies are kept, for their sessions and for judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kept {
    /// Without what names a person or lets somebody in.
    #[default]
    Scrubbed,
    /// As it was said.
    Whole,
}

/// How what users and tools say is sent to providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sent {
    /// As it was said.
    #[default]
    Whole,
    /// Without what names a person or lets somebody in.
    Redacted,
}

/// Who a text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    System,
    User,
    Assistant,
    /// What tools returned, and documents.
    Tool,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Off, Self::Log, Self::Block];

    /// What becomes of what is found.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Block => Verdict::Blocked,
            Self::Off | Self::Log => Verdict::Flagged,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Log => "log",
            Self::Block => "block",
        }
    }
}

impl OnFailure {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

impl Kept {
    /// A text as it is kept.
    pub fn text(self, text: String) -> String {
        match self {
            Self::Scrubbed => sensitive::scrubbed(text),
            Self::Whole => text,
        }
    }

    /// JSON as it is kept.
    pub fn json(self, json: String) -> String {
        match self {
            Self::Scrubbed => match sensitive::scrub_json(&json) {
                Cow::Borrowed(_) => json,
                Cow::Owned(scrubbed) => scrubbed,
            },
            Self::Whole => json,
        }
    }
}

impl Role {
    pub const ALL: [Self; 4] = [Self::System, Self::User, Self::Assistant, Self::Tool];
    /// What a model wrote itself is not looked at unless somebody wants it.
    pub const USUAL: [Self; 3] = [Self::System, Self::User, Self::Tool];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl Firewall {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whose messages are looked at.
    pub fn roles(&self) -> &[Role] {
        if self.roles.is_empty() {
            &Role::USUAL
        } else {
            &self.roles
        }
    }

    /// Refuses what lets everything pass, or nothing.
    pub fn validate(&self) -> Result<(), InvalidConstraints> {
        let invalid =
            |field: &'static str, reason: String| Err(InvalidConstraints::new(field, reason));
        if let Some(threshold) = self.threshold
            && !(MIN_THRESHOLD..=1_000).contains(&threshold)
        {
            let (found, least) = (thousandths(threshold), thousandths(MIN_THRESHOLD));
            return invalid(
                "threshold",
                format!("{found} is not allowed; it must be {least} to 1"),
            );
        }
        if self.allow.len() > MAX_PHRASES {
            let count = self.allow.len();
            return invalid(
                "allow_list",
                format!("{count} phrases are listed, at most {MAX_PHRASES} are allowed"),
            );
        }
        match self.allow.iter().find_map(|phrase| refused(phrase)) {
            Some(reason) => invalid("allow_list", reason),
            None => Ok(()),
        }
    }
}

/// Why a phrase cannot be let pass.
fn refused(phrase: &str) -> Option<String> {
    let solid = phrase.chars().filter(|&found| found != ' ').count();
    let length = phrase.chars().count();
    if solid < MIN_PHRASE {
        let least = format!("it must have {MIN_PHRASE} characters other than spaces at least");
        return Some(format!("a phrase has {solid}; {least}"));
    }
    (length > MAX_PHRASE)
        .then(|| format!("a phrase has {length} characters; at most {MAX_PHRASE} are allowed"))
}

/// What the firewall said of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screening {
    Scored {
        verdict: Verdict,
        finding: Finding,
    },
    /// Nobody knows what it is.
    Skipped {
        why: Skip,
        /// It was not let through.
        refused: bool,
    },
}

/// What a score came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Passed,
    /// Looks like an attack, and was let through.
    Flagged,
    Blocked,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flagged => "flagged",
            Self::Blocked => "blocked",
        }
    }
}

/// The most suspicious text of a call; where it is, and nothing of what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In thousandths, as is the threshold.
    pub score: u16,
    pub threshold: u16,
    /// `None`: the call has no text.
    pub place: Option<Place>,
    /// It was too long for all of it to be looked at.
    pub partial: bool,
}

/// Where in a call something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Such as `messages[1].content`.
    pub at: String,
    pub role: Role,
    /// Characters of that text, the first and the one after the last.
    pub start: u64,
    pub end: u64,
}

/// Why a call was not scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// Too many calls waited, or too many of its tenant.
    Full,
    /// It took too long.
    Late,
    /// There is no model, or not yet.
    Unavailable,
    /// The model failed on it.
    Failed,
}

impl Skip {
    pub const ALL: [Self; 4] = [Self::Full, Self::Late, Self::Unavailable, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Late => "deadline",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|skip| skip.as_str() == name)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many calls wait for it",
            Self::Late => "it did not answer in time",
            Self::Unavailable => "its model is not there",
            Self::Failed => "its model failed",
        })
    }
}

impl Screening {
    /// In a word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scored { verdict, .. } => verdict.as_str(),
            Self::Skipped { refused: false, .. } => "skipped",
            Self::Skipped { refused: true, .. } => "refused",
        }
    }

    /// Whether the call may go on.
    pub fn lets_pass(&self) -> bool {
        match self {
            Self::Scored { verdict, .. } => *verdict != Verdict::Blocked,
            Self::Skipped { refused, .. } => !refused,
        }
    }

    /// Whether it was taken for an attack and refused for that.
    pub fn is_blocked(&self) -> bool {
        match self {
            Self::Scored { verdict, .. } => *verdict == Verdict::Blocked,
            Self::Skipped { .. } => false,
        }
    }
}

/// As people read it.
pub fn thousandths(score: u16) -> f64 {
    f64::from(score) / 1_000.0
}

impl Decision {
    /// Whether the firewall refused the call, or kept its reply from its caller.
    pub fn is_blocked(&self) -> bool {
        self.firewall.as_deref().is_some_and(Screening::is_blocked)
            || self.watched.as_deref().is_some_and(Watched::is_blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_everything_or_nothing_pass_is_refused_by_name() {
        let check = |firewall: Firewall| firewall.validate().expect_err("is refused").to_string();
        let threshold = |threshold| Firewall {
            threshold: Some(threshold),
            ..Firewall::default()
        };
        assert!(check(threshold(0)).contains("0 is not allowed; it must be 0.01 to 1"));
        assert!(check(threshold(1_001)).contains("1.001"));
        assert_eq!(threshold(1_000).validate(), Ok(()));
        let allow = |phrases: Vec<String>| Firewall {
            allow: phrases.into(),
            ..Firewall::default()
        };
        assert!(check(allow(vec![" ab ".into()])).contains("a phrase has 2; it must have 4"));
        assert!(check(allow(vec!["word".into(); 101])).contains("101 phrases"));
        assert_eq!(allow(vec!["word".into()]).validate(), Ok(()));
    }
}
