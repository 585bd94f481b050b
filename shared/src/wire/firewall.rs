//! What a tenant has done about attacks, and what was found in a call.

use floopy_proto::v1;

use super::{InvalidWire, non_empty};
use crate::domain::firewall::{
    Finding, Firewall, Kept, Mode, OnFailure, Place, Role, Screening, Skip, Verdict,
};

impl From<&Firewall> for v1::Firewall {
    fn from(firewall: &Firewall) -> Self {
        use v1::firewall::Mode as Wire;
        let mode = match firewall.mode {
            Mode::Off => Wire::Unspecified,
            Mode::Log => Wire::Log,
            Mode::Block => Wire::Block,
        };
        let roles = firewall.roles.iter().map(|role| role.as_str().to_owned());
        Self {
            mode: mode.into(),
            threshold: firewall.threshold.map(Into::into),
            refuse_on_failure: firewall.on_failure == OnFailure::Refuse,
            roles: roles.collect(),
            allow: firewall.allow.to_vec(),
            keep_whole: firewall.kept == Kept::Whole,
        }
    }
}

impl TryFrom<v1::Firewall> for Firewall {
    type Error = InvalidWire;

    fn try_from(firewall: v1::Firewall) -> Result<Self, InvalidWire> {
        use v1::firewall::Mode as Wire;
        let mode = match Wire::try_from(firewall.mode) {
            Ok(Wire::Unspecified) => Mode::Off,
            Ok(Wire::Log) => Mode::Log,
            Ok(Wire::Block) => Mode::Block,
            Err(_) => return Err(InvalidWire::invalid("firewall.mode", firewall.mode)),
        };
        let threshold = firewall.threshold.map(|threshold| {
            let wrong = |_| InvalidWire::invalid("firewall.threshold", threshold);
            u16::try_from(threshold).map_err(wrong)
        });
        let role = |name: String| {
            let found = Role::parse(&name);
            found.ok_or_else(|| InvalidWire::invalid("firewall.roles", name))
        };
        let roles = firewall.roles.into_iter().map(role);
        let read = Self {
            mode,
            threshold: threshold.transpose()?,
            on_failure: if firewall.refuse_on_failure {
                OnFailure::Refuse
            } else {
                OnFailure::Allow
            },
            roles: roles.collect::<Result<_, _>>()?,
            allow: firewall.allow.into(),
            kept: if firewall.keep_whole {
                Kept::Whole
            } else {
                Kept::Scrubbed
            },
        };
        let valid = read.validate();
        valid.map_err(|e| InvalidWire::invalid("firewall", e))?;
        Ok(read)
    }
}

impl From<&Screening> for v1::Screening {
    fn from(screening: &Screening) -> Self {
        use v1::screening::Verdict as Wire;
        match screening {
            Screening::Scored { verdict, finding } => {
                let verdict = match verdict {
                    Verdict::Passed => Wire::Passed,
                    Verdict::Flagged => Wire::Flagged,
                    Verdict::Blocked => Wire::Blocked,
                };
                let place = finding.place.as_ref();
                Self {
                    verdict: verdict.into(),
                    score: finding.score.into(),
                    threshold: finding.threshold.into(),
                    at: place.map(|place| place.at.clone()).unwrap_or_default(),
                    role: place.map_or("", |place| place.role.as_str()).to_owned(),
                    start: place.map_or(0, |place| place.start),
                    end: place.map_or(0, |place| place.end),
                    partial: finding.partial,
                    skipped: String::new(),
                }
            }
            Screening::Skipped { why, refused } => {
                let verdict = if *refused {
                    Wire::Refused
                } else {
                    Wire::Skipped
                };
                Self {
                    verdict: verdict.into(),
                    skipped: why.as_str().to_owned(),
                    ..Self::default()
                }
            }
        }
    }
}

/// What cannot be read is no screening: the record tells the rest all the same.
pub(super) fn screening(screening: v1::Screening) -> Option<Box<Screening>> {
    use v1::screening::Verdict as Wire;
    let scored = |verdict, screening: v1::Screening| {
        let role = Role::parse(&screening.role);
        let place = non_empty(screening.at).zip(role).map(|(at, role)| Place {
            at,
            role,
            start: screening.start,
            end: screening.end,
        });
        Some(Screening::Scored {
            verdict,
            finding: Finding {
                score: u16::try_from(screening.score).ok()?,
                threshold: u16::try_from(screening.threshold).ok()?,
                place,
                partial: screening.partial,
            },
        })
    };
    let skipped = |refused, why: &str| {
        let why = Skip::parse(why)?;
        Some(Screening::Skipped { why, refused })
    };
    let read = match screening.verdict() {
        Wire::Passed => scored(Verdict::Passed, screening),
        Wire::Flagged => scored(Verdict::Flagged, screening),
        Wire::Blocked => scored(Verdict::Blocked, screening),
        Wire::Skipped => skipped(false, &screening.skipped),
        Wire::Refused => skipped(true, &screening.skipped),
        Wire::Unspecified => None,
    };
    read.map(Box::new)
}
