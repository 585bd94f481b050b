//! What a tenant has done about replies that give something away, and what was found in one of them; and what was taken out of
//! what was asked.

use std::collections::BTreeMap;

use super::{Mode, Verdict};
use crate::domain::sensitive::Kind;

/// What is done about replies that give something away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    pub mode: Mode,
    /// What is looked for; none: all of it.
    pub kinds: Vec<Leak>,
}

/// What is looked for in replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// A long run of words of the call's own system prompt.
    SystemPrompt,
    Secrets,
    PersonalData,
}

impl Leak {
    pub const ALL: [Self; 3] = [Self::SystemPrompt, Self::Secrets, Self::PersonalData];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::SystemPrompt => "system_prompt",
            Self::Secrets => "secrets",
            Self::PersonalData => "personal_data",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leak| leak.as_str() == name)
    }

    /// What a finding of the scanner counts as.
    pub fn of(kind: Kind) -> Self {
        if kind.is_secret() {
            Self::Secrets
        } else {
            Self::PersonalData
        }
    }
}

impl Output {
    /// What is looked for.
    pub fn kinds(&self) -> &[Leak] {
        if self.kinds.is_empty() {
            &Leak::ALL
        } else {
            &self.kinds
        }
    }

    pub fn looks_for(&self, leak: Leak) -> bool {
        self.kinds().contains(&leak)
    }
}

/// What a reply gave away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leaked {
    SystemPrompt,
    Sensitive(Kind),
}

impl Leaked {
    /// `system_prompt`, or the kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SystemPrompt => Leak::SystemPrompt.as_str(),
            Self::Sensitive(kind) => kind.as_str(),
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        if name == Leak::SystemPrompt.as_str() {
            return Some(Self::SystemPrompt);
        }
        Kind::parse(name).map(Self::Sensitive)
    }

    pub fn leak(self) -> Leak {
        match self {
            Self::SystemPrompt => Leak::SystemPrompt,
            Self::Sensitive(kind) => Leak::of(kind),
        }
    }
}

/// What was found first in a reply, and where; nothing of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub leaked: Leaked,
    /// Of several replies to one call, which.
    pub choice: u32,
    /// Characters of its text that come before.
    pub start: u64,
}

/// What was said of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    pub verdict: Verdict,
    /// `None`: it passed.
    pub spot: Option<Spot>,
    /// Something of it could not be looked at.
    pub partial: bool,
}

impl Watched {
    /// In a word.
    pub fn as_str(&self) -> &'static str {
        self.verdict.as_str()
    }

    pub fn is_blocked(&self) -> bool {
        self.verdict == Verdict::Blocked
    }
}

/// What was replaced in what users and tools said, before anybody was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redacted {
    pub kind: Kind,
    /// How many of it.
    pub count: u32,
}

/// How many there are of each kind.
pub fn tally(kinds: impl IntoIterator<Item = Kind>) -> Vec<Redacted> {
    let mut counts: BTreeMap<Kind, u32> = BTreeMap::new();
    for kind in kinds {
        let count = counts.entry(kind).or_default();
        *count = count.saturating_add(1);
    }
    let redacted = |(kind, count)| Redacted { kind, count };
    counts.into_iter().map(redacted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_again() {
        for leak in Leak::ALL {
            assert_eq!(Leak::parse(leak.as_str()), Some(leak));
        }
        let sensitive = Kind::ALL.map(Leaked::Sensitive);
        for leaked in sensitive.into_iter().chain([Leaked::SystemPrompt]) {
            assert_eq!(Leaked::parse(leaked.as_str()), Some(leaked));
            let is_prompt = leaked == Leaked::SystemPrompt;
            assert_eq!(leaked.leak() == Leak::SystemPrompt, is_prompt);
        }
        assert_eq!((Leak::parse("pii"), Leaked::parse("pii")), (None, None));
    }
}
