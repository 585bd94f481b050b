//! Experiments, and what they made of calls.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, names, uuid};
use crate::domain::experiment::{Assignment, Experiment, Scope};

impl From<&Experiment> for v1::Experiment {
    fn from(experiment: &Experiment) -> Self {
        Self {
            id: id_bytes(experiment.id),
            a: experiment.a.clone(),
            b: experiment.b.clone(),
            percentage: experiment.percentage.into(),
            arrangement: v1::Arrangement::from(experiment.arrangement).into(),
            takes_unnamed: experiment.scope == Scope::Unnamed,
        }
    }
}

impl TryFrom<v1::Experiment> for Experiment {
    type Error = InvalidWire;

    fn try_from(experiment: v1::Experiment) -> Result<Self, InvalidWire> {
        Ok(Self {
            id: uuid(&experiment.id, "experiment")?,
            a: experiment.a,
            b: experiment.b,
            percentage: percentage(experiment.percentage)?,
            arrangement: names::arrangement(experiment.arrangement)?,
            scope: if experiment.takes_unnamed {
                Scope::Unnamed
            } else {
                Scope::Rule
            },
        })
    }
}

impl From<Assignment> for v1::Assignment {
    fn from(assignment: Assignment) -> Self {
        Self {
            experiment: id_bytes(assignment.experiment),
            variant: v1::Variant::from(assignment.variant).into(),
            percentage: assignment.percentage.into(),
            arrangement: v1::Arrangement::from(assignment.arrangement).into(),
        }
    }
}

impl TryFrom<v1::Assignment> for Assignment {
    type Error = InvalidWire;

    fn try_from(assignment: v1::Assignment) -> Result<Self, InvalidWire> {
        Ok(Self {
            experiment: uuid(&assignment.experiment, "experiment")?,
            variant: names::variant(assignment.variant)?,
            percentage: percentage(assignment.percentage)?,
            arrangement: names::arrangement(assignment.arrangement)?,
        })
    }
}

fn percentage(value: u32) -> Result<u8, InvalidWire> {
    u8::try_from(value)
        .ok()
        .filter(|percentage| *percentage <= 100)
        .ok_or_else(|| InvalidWire::invalid("percentage", format_args!("{value} is above 100")))
}
