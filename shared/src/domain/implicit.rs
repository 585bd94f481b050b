//! What callers do after a reply that says something of it, without anybody rating it.

use super::{
    ids::{CandidateKey, RequestId},
    shape::ShapeKey,
};

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImplicitKind {
    /// The question before was asked again, in the same or in other words.
    AskedAgain,
    /// The same call came once more, soon after its reply.
    Retried,
    /// The caller left in the middle of the reply.
    Left,
    /// The reply calls a tool with arguments that are no JSON object.
    InvalidToolCall,
    /// The budget of the session ended it after the reply: an agent that did not come to an end.
    Capped,
    /// The reply called tools once more, and nobody came back to its session.
    Abandoned,
}

impl ImplicitKind {
    pub const ALL: [Self; 6] = [
        Self::AskedAgain,
        Self::Retried,
        Self::Left,
        Self::InvalidToolCall,
        Self::Capped,
        Self::Abandoned,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AskedAgain => "asked_again",
            Self::Retried => "retried",
            Self::Left => "left",
            Self::InvalidToolCall => "invalid_tool_call",
            Self::Capped => "capped",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A call whose reply came before, as far as it is needed to credit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub request_id: RequestId,
    pub candidate: CandidateKey,
    /// Most specific first, root last.
    pub shapes: Vec<ShapeKey>,
    pub created_at_ms: u64,
}

/// One such thing, and the reply that it says something of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implicit {
    pub kind: ImplicitKind,
    /// `None`: the reply to the call that tells it.
    pub about: Option<Earlier>,
}
