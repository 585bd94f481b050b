//! A tenant's firewall, as it is configured and as tenants set it.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::domain::firewall::{
    self, Kept, MIN_THRESHOLD, Mode, OnFailure, Role, Sent,
    output::{self, Leak},
};

/// What is done about calls that look like attacks on the model.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Firewall {
    /// `off`; `log`, which records them; or `block`, which refuses them.
    pub mode: FirewallMode,
    /// The score from which on a call counts as an attack, 0.01 to 1; absent: what the model came with, 0.5 for ours.
    #[serde(
        deserialize_with = "threshold",
        skip_serializing_if = "Option::is_none"
    )]
    pub threshold: Option<f64>,
    /// What becomes of calls that cannot be scored in time: `allow` or `refuse`.
    pub on_failure: FirewallFailure,
    /// Whose messages are looked at, of `system`, `user`, `assistant` and `tool`; none: all but the assistant's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<FirewallRole>,
    /// Phrases that do not count, letter by letter: at most 100, each of at least 4 characters other than spaces, and at most
    /// 1,000 characters.
    #[serde(deserialize_with = "phrases", skip_serializing_if = "Vec::is_empty")]
    pub allow_list: Vec<String>,
    /// `on`: what is kept of conversations, and what judges read, is without personal data and secrets; or `off`.
    pub scrub: FirewallScrub,
    /// What is done about replies that give something away.
    #[serde(skip_serializing_if = "Output::is_default")]
    pub output: Output,
    /// `on`: providers are sent what users and tools say without personal data and secrets; or `off`.
    #[serde(skip_serializing_if = "FirewallRedact::is_off")]
    pub redact: FirewallRedact,
}

/// What is done about replies that give something away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// `off`; `log`, which records them; or `block`, which keeps what was found from callers.
    pub mode: FirewallMode,
    /// What is looked for, of `system_prompt`, `secrets` and `personal_data`; none: all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FirewallLeak>,
}

/// What replies can give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallLeak {
    SystemPrompt,
    Secrets,
    PersonalData,
}

/// What becomes of a call that looks like an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallMode {
    #[default]
    Off,
    Log,
    Block,
}

/// What becomes of a call that cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallFailure {
    #[default]
    Allow,
    Refuse,
}

/// Whether personal data and secrets are taken out of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallScrub {
    #[default]
    On,
    Off,
}

/// Whether personal data and secrets are taken out of what is sent to providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallRedact {
    #[default]
    Off,
    On,
}

impl FirewallRedact {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde passes it")]
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallRole {
    System,
    User,
    Assistant,
    Tool,
}

impl FirewallRole {
    fn to_domain(self) -> Role {
        match self {
            Self::System => Role::System,
            Self::User => Role::User,
            Self::Assistant => Role::Assistant,
            Self::Tool => Role::Tool,
        }
    }
}

impl From<Role> for FirewallRole {
    fn from(role: Role) -> Self {
        match role {
            Role::System => Self::System,
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
            Role::Tool => Self::Tool,
        }
    }
}

impl FirewallLeak {
    fn to_domain(self) -> Leak {
        match self {
            Self::SystemPrompt => Leak::SystemPrompt,
            Self::Secrets => Leak::Secrets,
            Self::PersonalData => Leak::PersonalData,
        }
    }
}

impl From<Leak> for FirewallLeak {
    fn from(leak: Leak) -> Self {
        match leak {
            Leak::SystemPrompt => Self::SystemPrompt,
            Leak::Secrets => Self::Secrets,
            Leak::PersonalData => Self::PersonalData,
        }
    }
}

impl FirewallMode {
    fn to_domain(self) -> Mode {
        match self {
            Self::Off => Mode::Off,
            Self::Log => Mode::Log,
            Self::Block => Mode::Block,
        }
    }
}

impl From<Mode> for FirewallMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Log => Self::Log,
            Mode::Block => Self::Block,
        }
    }
}

impl Output {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn to_domain(&self) -> output::Output {
        let mut kinds: Vec<Leak> = self.kinds.iter().map(|leak| leak.to_domain()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        output::Output {
            mode: self.mode.to_domain(),
            kinds,
        }
    }
}

impl Firewall {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As proxies know it.
    pub fn to_domain(&self) -> firewall::Firewall {
        let mut roles: Vec<Role> = self.roles.iter().map(|role| role.to_domain()).collect();
        roles.sort_unstable();
        roles.dedup();
        firewall::Firewall {
            mode: self.mode.to_domain(),
            threshold: self.threshold.map(in_thousandths),
            on_failure: match self.on_failure {
                FirewallFailure::Allow => OnFailure::Allow,
                FirewallFailure::Refuse => OnFailure::Refuse,
            },
            roles,
            allow: self.allow_list.clone().into(),
            kept: match self.scrub {
                FirewallScrub::On => Kept::Scrubbed,
                FirewallScrub::Off => Kept::Whole,
            },
            output: self.output.to_domain(),
            sent: match self.redact {
                FirewallRedact::Off => Sent::Whole,
                FirewallRedact::On => Sent::Redacted,
            },
        }
    }
}

impl From<&firewall::Firewall> for Firewall {
    fn from(firewall: &firewall::Firewall) -> Self {
        Self {
            mode: firewall.mode.into(),
            threshold: firewall.threshold.map(firewall::thousandths),
            on_failure: match firewall.on_failure {
                OnFailure::Allow => FirewallFailure::Allow,
                OnFailure::Refuse => FirewallFailure::Refuse,
            },
            roles: firewall.roles.iter().copied().map(Into::into).collect(),
            allow_list: firewall.allow.to_vec(),
            scrub: match firewall.kept {
                Kept::Scrubbed => FirewallScrub::On,
                Kept::Whole => FirewallScrub::Off,
            },
            redact: match firewall.sent {
                Sent::Whole => FirewallRedact::Off,
                Sent::Redacted => FirewallRedact::On,
            },
            output: Output {
                mode: firewall.output.mode.into(),
                kinds: firewall
                    .output
                    .kinds
                    .iter()
                    .copied()
                    .map(Into::into)
                    .collect(),
            },
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0.01 to 1 where it was read"
)]
fn in_thousandths(share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * 1_000.0).round() as u16
}

fn threshold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let Some(value) = Option::<f64>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let least = firewall::thousandths(MIN_THRESHOLD);
    if (least..=1.0).contains(&value) {
        Ok(Some(value))
    } else {
        Err(D::Error::custom(format!(
            "{value} is not allowed; it must be a number from {least} to 1"
        )))
    }
}

fn phrases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let phrases = Vec::<String>::deserialize(deserializer)?;
    let allowed = firewall::Firewall {
        allow: phrases.clone().into(),
        ..firewall::Firewall::default()
    };
    allowed
        .validate()
        .map_err(|invalid| D::Error::custom(invalid.reason))?;
    Ok(phrases)
}
