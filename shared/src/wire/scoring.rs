//! What judges report.

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, ranking, unit, uuid};
use crate::domain::{
    event::{MAX_SCORE_WEIGHT, OwnGrade, Score},
    ids::{RequestId, TenantId},
    rubric::{MAX_OWN, OwnDimension, Rubric},
};

impl From<&Score> for v1::Score {
    fn from(s: &Score) -> Self {
        Self {
            request_id: id_bytes(s.request_id.0),
            relevance: s.relevance,
            coherence: s.coherence,
            helpfulness: s.helpfulness,
            safety: s.safety,
            composite: s.composite,
            judge: s.judge.clone(),
            cost_micro_usd: s.cost_micro_usd,
            probability: s.probability.unwrap_or(0.0),
            weight: s.weight,
            rubric: s.rubric,
            own: s.own.iter().map(Into::into).collect(),
        }
    }
}

impl From<&OwnGrade> for v1::OwnGrade {
    fn from(own: &OwnGrade) -> Self {
        Self {
            name: own.name.clone(),
            grade: own.grade,
        }
    }
}

impl TryFrom<v1::OwnGrade> for OwnGrade {
    type Error = InvalidWire;

    fn try_from(own: v1::OwnGrade) -> Result<Self, InvalidWire> {
        Ok(Self {
            grade: unit(own.grade, "own.grade")?,
            name: own.name,
        })
    }
}

/// A tenant's rubric, as judges are told it.
pub fn told(tenant: &TenantId, rubric: &Rubric) -> v1::Rubric {
    let [relevance, coherence, helpfulness, safety] = rubric.shares;
    let own = rubric.own.iter().map(|own| v1::OwnDimension {
        name: own.name.clone(),
        grades: own.grades.clone(),
        share: own.share,
    });
    v1::Rubric {
        tenant: tenant.to_string(),
        version: rubric.version,
        relevance,
        coherence,
        helpfulness,
        safety,
        own: own.collect(),
    }
}

/// Whose, and what it is.
pub fn rubric(told: v1::Rubric) -> Result<(TenantId, Rubric), InvalidWire> {
    let own = told.own.into_iter().map(|own| {
        Ok(OwnDimension {
            share: unit(own.share, "own.share")?,
            name: own.name,
            grades: own.grades,
        })
    });
    let rubric = Rubric {
        version: told.version,
        shares: [
            unit(told.relevance, "relevance")?,
            unit(told.coherence, "coherence")?,
            unit(told.helpfulness, "helpfulness")?,
            unit(told.safety, "safety")?,
        ],
        own: own.collect::<Result<_, InvalidWire>>()?,
    };
    Ok((ranking::tenant(&told.tenant)?, rubric))
}

impl TryFrom<v1::Score> for Score {
    type Error = InvalidWire;

    fn try_from(s: v1::Score) -> Result<Self, InvalidWire> {
        Ok(Self {
            request_id: RequestId(uuid(&s.request_id, "request_id")?),
            relevance: unit(s.relevance, "relevance")?,
            coherence: unit(s.coherence, "coherence")?,
            helpfulness: unit(s.helpfulness, "helpfulness")?,
            safety: unit(s.safety, "safety")?,
            composite: unit(s.composite, "composite")?,
            judge: s.judge,
            cost_micro_usd: s.cost_micro_usd,
            probability: Some(unit(s.probability, "probability")?).filter(|p| *p > 0.0),
            weight: weight(s.weight)?,
            rubric: s.rubric,
            own: own_grades(s.own)?,
        })
    }
}

/// No more than a rubric may have.
fn own_grades(own: Vec<v1::OwnGrade>) -> Result<Vec<OwnGrade>, InvalidWire> {
    if own.len() > MAX_OWN {
        let reason = format_args!("{} are more than {MAX_OWN}", own.len());
        return Err(InvalidWire::invalid("own", reason));
    }
    own.into_iter().map(TryInto::try_into).collect()
}

/// A judge of an earlier version tells none, and each of its scores counts as one.
fn weight(weight: f64) -> Result<f64, InvalidWire> {
    if weight == 0.0 {
        return Ok(1.0);
    }
    if (0.0..=MAX_SCORE_WEIGHT).contains(&weight) {
        return Ok(weight);
    }
    let reason = format_args!("{weight} is not within 0..{MAX_SCORE_WEIGHT}");
    Err(InvalidWire::invalid("weight", reason))
}
