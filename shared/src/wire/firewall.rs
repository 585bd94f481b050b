//! What a tenant has done about attacks, and what was found in a call.

use floopy_proto::v1;

use super::{InvalidWire, non_empty};
use crate::domain::firewall::{
    Finding, Firewall, Kept, Mode, OnFailure, Place, Role, Screening, Sent, Skip, Verdict,
    output::{Leak, Leaked, Output, Redacted, Spot, Watched},
};
use crate::domain::sensitive::Kind;

fn to_wire(mode: Mode) -> v1::firewall::Mode {
    use v1::firewall::Mode as Wire;
    match mode {
        Mode::Off => Wire::Unspecified,
        Mode::Log => Wire::Log,
        Mode::Block => Wire::Block,
    }
}

fn mode(field: &'static str, mode: i32) -> Result<Mode, InvalidWire> {
    use v1::firewall::Mode as Wire;
    match Wire::try_from(mode) {
        Ok(Wire::Unspecified) => Ok(Mode::Off),
        Ok(Wire::Log) => Ok(Mode::Log),
        Ok(Wire::Block) => Ok(Mode::Block),
        Err(_) => Err(InvalidWire::invalid(field, mode)),
    }
}

impl From<&Output> for v1::Output {
    fn from(output: &Output) -> Self {
        let kinds = output.kinds.iter().map(|leak| leak.as_str().to_owned());
        Self {
            mode: to_wire(output.mode).into(),
            kinds: kinds.collect(),
        }
    }
}

impl TryFrom<v1::Output> for Output {
    type Error = InvalidWire;

    fn try_from(output: v1::Output) -> Result<Self, InvalidWire> {
        let leak = |name: String| {
            let found = Leak::parse(&name);
            found.ok_or_else(|| InvalidWire::invalid("firewall.output.kinds", name))
        };
        let kinds = output.kinds.into_iter().map(leak);
        Ok(Self {
            mode: mode("firewall.output.mode", output.mode)?,
            kinds: kinds.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Firewall> for v1::Firewall {
    fn from(firewall: &Firewall) -> Self {
        let roles = firewall.roles.iter().map(|role| role.as_str().to_owned());
        Self {
            mode: to_wire(firewall.mode).into(),
            threshold: firewall.threshold.map(Into::into),
            refuse_on_failure: firewall.on_failure == OnFailure::Refuse,
            roles: roles.collect(),
            allow: firewall.allow.to_vec(),
            keep_whole: firewall.kept == Kept::Whole,
            output: (firewall.output != Output::default()).then(|| (&firewall.output).into()),
            redact: firewall.sent == Sent::Redacted,
        }
    }
}

impl TryFrom<v1::Firewall> for Firewall {
    type Error = InvalidWire;

    fn try_from(firewall: v1::Firewall) -> Result<Self, InvalidWire> {
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
            mode: mode("firewall.mode", firewall.mode)?,
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
            output: match firewall.output {
                Some(output) => output.try_into()?,
                None => Output::default(),
            },
            sent: if firewall.redact {
                Sent::Redacted
            } else {
                Sent::Whole
            },
        };
        let valid = read.validate();
        valid.map_err(|e| InvalidWire::invalid("firewall", e))?;
        Ok(read)
    }
}

impl From<&Redacted> for v1::Redacted {
    fn from(redacted: &Redacted) -> Self {
        Self {
            kind: redacted.kind.as_str().to_owned(),
            count: redacted.count,
        }
    }
}

/// Kinds that are not known are not told of.
pub(super) fn redacted(redacted: Vec<v1::Redacted>) -> Vec<Redacted> {
    let known = |one: v1::Redacted| {
        let kind = Kind::parse(&one.kind)?;
        let count = one.count;
        Some(Redacted { kind, count })
    };
    redacted.into_iter().filter_map(known).collect()
}

fn verdict(verdict: Verdict) -> v1::screening::Verdict {
    use v1::screening::Verdict as Wire;
    match verdict {
        Verdict::Passed => Wire::Passed,
        Verdict::Flagged => Wire::Flagged,
        Verdict::Blocked => Wire::Blocked,
    }
}

impl From<&Watched> for v1::Watched {
    fn from(watched: &Watched) -> Self {
        let spot = watched.spot;
        let leaked = spot.map_or("", |spot| spot.leaked.as_str());
        Self {
            verdict: verdict(watched.verdict).into(),
            leaked: leaked.to_owned(),
            choice: spot.map_or(0, |spot| spot.choice),
            start: spot.map_or(0, |spot| spot.start),
            partial: watched.partial,
        }
    }
}

/// What cannot be read is not told of: the record tells the rest all the same.
pub(super) fn watched(watched: v1::Watched) -> Option<Box<Watched>> {
    use v1::screening::Verdict as Wire;
    let verdict = match watched.verdict() {
        Wire::Passed => Verdict::Passed,
        Wire::Flagged => Verdict::Flagged,
        Wire::Blocked => Verdict::Blocked,
        Wire::Unspecified | Wire::Skipped | Wire::Refused => return None,
    };
    let spot = |leaked| Spot {
        leaked,
        choice: watched.choice,
        start: watched.start,
    };
    Some(Box::new(Watched {
        verdict,
        spot: Leaked::parse(&watched.leaked).map(spot),
        partial: watched.partial,
    }))
}

impl From<&Screening> for v1::Screening {
    fn from(screening: &Screening) -> Self {
        use v1::screening::Verdict as Wire;
        match screening {
            Screening::Scored { verdict, finding } => {
                let place = finding.place.as_ref();
                Self {
                    verdict: self::verdict(*verdict).into(),
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
