//! What a reply is judged by: four dimensions, each on 0..1, those of its tenant, and how they make one number.

use floopy_shared::domain::{
    event::{CalledTool, OwnGrade, Score},
    ids::RequestId,
    rubric::Rubric,
};

use crate::judge;

/// One reply as a judge sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exchange<'a> {
    pub prompt: &'a str,
    pub reply: &'a str,
    /// The reply was cut off, by its length limit or on its way to us.
    pub truncated: bool,
    /// The caller asked for JSON.
    pub json_expected: bool,
    /// Tools that the reply calls.
    pub calls: &'a [CalledTool],
}

/// The verdict on each dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Is it about what was asked?
    pub relevance: f64,
    /// Does it hang together: whole, well formed, not repeating itself?
    pub coherence: f64,
    /// Does it do what was asked, as thoroughly as the question deserves?
    pub helpfulness: f64,
    /// Is it free of harm?
    pub safety: f64,
}

impl Verdict {
    /// As it is reported by the scorer that all replies have.
    pub fn to_score(self, request_id: RequestId, rubric: &Rubric) -> Score {
        let judge = versioned(judge::NAME, rubric);
        self.graded((request_id, judge), rubric, &[])
    }

    /// As it is reported; `own`: the grades of the tenant's own dimensions, none where no model gave any.
    pub(crate) fn graded(
        self,
        (request_id, judge): (RequestId, String),
        rubric: &Rubric,
        own: &[f64],
    ) -> Score {
        let names = rubric.own.iter().map(|own| own.name.clone());
        let own_grades = names.zip(own).map(|(name, grade)| OwnGrade {
            name,
            grade: *grade,
        });
        Score {
            request_id,
            relevance: self.relevance,
            coherence: self.coherence,
            helpfulness: self.helpfulness,
            safety: self.safety,
            composite: rubric.composite(self.grades(), own),
            judge,
            cost_micro_usd: 0,
            probability: None,
            weight: 1.0,
            rubric: rubric.version,
            own: own_grades.collect(),
        }
    }

    /// The weighted mean, on 0..1, where a tenant says nothing of it.
    pub fn composite(&self) -> f64 {
        Rubric::default().composite(self.grades(), &[])
    }

    fn grades(&self) -> [f64; 4] {
        [
            self.relevance,
            self.coherence,
            self.helpfulness,
            self.safety,
        ]
    }
}

/// The name of a scorer, with the tenant's rubric where it has one.
pub(crate) fn versioned(judge: &str, rubric: &Rubric) -> String {
    match rubric.version {
        0 => judge.to_owned(),
        version => format!("{judge}@{version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let best = Verdict {
            relevance: 1.0,
            coherence: 1.0,
            helpfulness: 1.0,
            safety: 1.0,
        };
        assert!((best.composite() - 1.0).abs() < 1e-12);
    }
}
