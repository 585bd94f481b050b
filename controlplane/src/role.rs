//! What an API key may change of its tenant's settings. What the proxies enforce is its permissions.

use floopy_shared::domain::snapshot::KeyScope;

/// Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Reads, and calls nothing.
    ReadOnly,
    /// Calls, rates, and changes content: prompts, datasets, evaluations.
    Member,
    /// Changes every setting, and makes keys up to its own role.
    Admin,
    /// Deletes what was said, and makes other owners.
    Owner,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::ReadOnly, Self::Member, Self::Admin, Self::Owner];

    /// The wire name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the wire name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// All wire names, for messages.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Of a key that is asked for without one: as much as it can use, and no more than `most`.
    pub(crate) fn of_key(write: bool, scope: &KeyScope, most: Self) -> Self {
        if !write {
            Self::ReadOnly
        } else if *scope != KeyScope::default() {
            Self::Member
        } else {
            most
        }
    }
}
