//! One promotion: who it is of, where it is, and how it got there.

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::guards::{Guards, Reading};

/// Where a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Tried beside who serves; nobody sees its replies.
    Shadow,
    /// Serves a share of the sessions.
    Canary,
    /// Serves a larger share.
    WideCanary,
    /// Serves.
    Live,
    /// Got worse than it may be, or somebody asked for it.
    RolledBack,
    /// Served until another one took over.
    Superseded,
    /// Never got to serve alone, for no fault of its own.
    Withdrawn,
}

impl Stage {
    pub const ALL: [Self; 7] = [
        Self::Shadow,
        Self::Canary,
        Self::WideCanary,
        Self::Live,
        Self::RolledBack,
        Self::Superseded,
        Self::Withdrawn,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::WideCanary => "wide_canary",
            Self::Live => "live",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Whether anything may still come of it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Shadow | Self::Canary | Self::WideCanary | Self::Live => true,
            Self::RolledBack | Self::Superseded | Self::Withdrawn => false,
        }
    }
}

/// One step of a promotion, and why it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub at_ms: u64,
    /// `None`: it began.
    pub from: Option<Stage>,
    pub to: Stage,
    pub reason: String,
    /// `learner`, or the key that asked for it.
    pub by: String,
    /// What spoke for the step, and what every guard said.
    pub capital: f64,
    pub readings: Vec<Reading>,
}

/// One candidate's way in one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Promotion {
    pub id: Uuid,
    pub tenant: TenantId,
    pub shape: ShapeKey,
    pub candidate: CandidateKey,
    pub replaces: CandidateKey,
    pub stage: Stage,
    pub began_ms: u64,
    pub changed_ms: u64,
    pub guards: Guards,
    pub trace: Vec<Step>,
    /// How many of those were told.
    pub told: usize,
}

impl Promotion {
    /// The steps that are to be told.
    pub fn untold(&self) -> &[Step] {
        self.trace.get(self.told..).unwrap_or_default()
    }

    /// They were.
    pub(super) fn tell(&mut self) {
        self.told = self.trace.len();
    }

    /// Goes to a stage.
    pub(super) fn step(&mut self, to: Stage, (reason, by): (&str, &str), at_ms: u64) {
        let from = (!self.trace.is_empty()).then_some(self.stage);
        self.trace.push(Step {
            at_ms,
            from,
            to,
            reason: reason.to_owned(),
            by: by.to_owned(),
            capital: self.guards.capital(),
            readings: self.guards.readings(),
        });
        self.stage = to;
        self.changed_ms = at_ms;
        match to {
            Stage::Canary | Stage::WideCanary => self.guards.begin_step(),
            Stage::Live => self.guards.begin_live(),
            Stage::Shadow | Stage::RolledBack | Stage::Superseded | Stage::Withdrawn => {}
        }
    }
}
