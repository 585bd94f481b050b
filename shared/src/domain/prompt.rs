//! Stored prompts: messages with `{{name}}` in them, in numbered versions, to be filled from a call's inputs.

pub mod template;

use std::{fmt, sync::Arc};

use uuid::Uuid;

use super::ids::TenantId;

/// Of one version, as many as few-shot prompts have.
pub const MAX_MESSAGES: usize = 50;

/// Of one version.
pub const MAX_VARIABLES: usize = 100;

/// Of a variable's name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Prompts of one tenant.
pub const MAX_PROMPTS: usize = 200;

/// Of one version: its messages and what its variables default to.
pub const MAX_VERSION_BYTES: usize = 64 << 10;

/// Of all versions of all prompts of one tenant, with what they take besides their text: every proxy holds them in
/// memory.
pub const MAX_TENANT_BYTES: usize = 512 << 10;

/// What a version takes of a proxy's memory besides its text, and each of its messages and variables: pointers, lengths
/// and what allocators add. Without it the shortest ones would take many times what they may.
pub const OVERHEAD_BYTES: usize = 100;

/// Whose words a message are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::System, Self::Developer, Self::User, Self::Assistant];

    /// As APIs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Reads what APIs spell.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// One message. Not `Debug`: it is content.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    /// With placeholders.
    pub content: Box<str>,
}

/// What is said of a placeholder.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variable {
    pub name: Box<str>,
    /// Stands where no input does.
    pub default: Option<Box<str>>,
    /// A call that gives no value is refused, unless there is a default.
    pub required: bool,
}

/// A prompt as it was saved once; it never changes.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// From 1.
    pub number: u32,
    pub messages: Box<[Message]>,
    pub variables: Box<[Variable]>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Version({} of {} messages)",
            self.number,
            self.messages.len()
        )
    }
}

impl Version {
    /// How much text it holds.
    pub fn bytes(&self) -> usize {
        let messages = self.messages.iter().map(|message| message.content.len());
        let variables = self.variables.iter().map(|variable| {
            let default = variable.default.as_deref().unwrap_or_default();
            variable.name.len() + default.len()
        });
        messages.chain(variables).sum()
    }

    /// How much room it takes.
    pub fn room(&self) -> usize {
        room(self.bytes(), self.messages.len(), self.variables.len())
    }

    /// What is said of a placeholder, if anything is.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables
            .iter()
            .find(|variable| &*variable.name == name)
    }
}

/// How much room a version takes, by its text and how many messages and variables it has.
pub fn room(text_bytes: usize, messages: usize, variables: usize) -> usize {
    text_bytes + OVERHEAD_BYTES * (1 + messages + variables)
}

/// A prompt with all its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub id: Uuid,
    /// The oldest first. Numbers may be missing: versions can be deleted.
    pub versions: Vec<Arc<Version>>,
}

impl Prompt {
    /// This version, or the newest.
    pub fn version(&self, number: Option<u32>) -> Option<&Arc<Version>> {
        match number {
            None => self.versions.last(),
            Some(number) => self
                .versions
                .iter()
                .find(|version| version.number == number),
        }
    }
}

/// All prompts of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    pub tenant: TenantId,
    pub prompts: Vec<Prompt>,
}

impl Prompts {
    /// The prompt of this id.
    pub fn get(&self, id: Uuid) -> Option<&Prompt> {
        self.prompts.iter().find(|prompt| prompt.id == id)
    }

    /// How much room all of them take.
    pub fn room(&self) -> usize {
        let versions = self.prompts.iter().flat_map(|prompt| &prompt.versions);
        versions.map(|version| version.room()).sum()
    }

    /// Refuses what no proxy has room for.
    pub fn validate(&self) -> Result<(), TooMuch> {
        let (prompts, bytes) = (self.prompts.len(), self.room());
        if prompts > MAX_PROMPTS {
            return Err(TooMuch::Prompts(prompts));
        }
        if bytes > MAX_TENANT_BYTES {
            return Err(TooMuch::Bytes(bytes));
        }
        Ok(())
    }
}

/// Prompts that no proxy has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    #[error("there are {0} prompts, there may be {MAX_PROMPTS}")]
    Prompts(usize),
    #[error("all versions of all prompts take {0} bytes, they may take {MAX_TENANT_BYTES}")]
    Bytes(usize),
}

/// The version of a prompt that a call's messages were made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptVersion {
    pub id: Uuid,
    pub version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32, content: &str) -> Arc<Version> {
        let message = Message {
            role: Role::System,
            content: content.into(),
        };
        let variable = Variable {
            name: "tone".into(),
            default: Some("dry".into()),
            required: false,
        };
        Arc::new(Version {
            number,
            messages: [message].into(),
            variables: [variable].into(),
        })
    }

    #[test]
    fn the_newest_version_is_meant_where_none_is_named() {
        let prompt = Prompt {
            id: Uuid::from_u128(1),
            versions: vec![version(1, "a"), version(3, "b")],
        };
        let number = |asked| prompt.version(asked).map(|version| version.number);
        assert_eq!(
            (number(None), number(Some(1)), number(Some(2))),
            (Some(3), Some(1), None)
        );
    }

    #[test]
    fn text_counts_and_so_does_every_version_message_and_variable() {
        let prompts = |content: &str| Prompts {
            tenant: TenantId::new("t").expect("valid"),
            prompts: vec![Prompt {
                id: Uuid::from_u128(1),
                versions: vec![version(1, content)],
            }],
        };
        assert_eq!(prompts("abc").room(), 10 + 3 * OVERHEAD_BYTES);
        let most = "x".repeat(MAX_TENANT_BYTES - 7 - 3 * OVERHEAD_BYTES);
        assert_eq!(prompts(&most).validate(), Ok(()));
        assert_eq!(
            prompts(&format!("{most}x")).validate(),
            Err(TooMuch::Bytes(MAX_TENANT_BYTES + 1))
        );
    }

    #[test]
    fn content_is_not_shown() {
        let shown = format!("{:?}", version(2, "secret"));
        assert_eq!(shown, "Version(2 of 1 messages)");
    }
}
