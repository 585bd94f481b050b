//! Which model grades a reply: one of another maker than the judged one, that answers.

use std::{sync::Arc, time::Duration};

use floopy_shared::{domain::ids::CandidateKey, process::breaker::Breaker};
use tokio::time::Instant;

use super::family::family;

/// Questions in a row that a model did not answer, and for how long it is then left alone.
const FAILURES: u32 = 5;
const REST: Duration = Duration::from_secs(30);

/// In the order in which they are asked. Clones share what is known of them.
#[derive(Debug, Clone)]
pub(super) struct Models(Arc<[Model]>);

#[derive(Debug)]
struct Model {
    name: String,
    breaker: Breaker,
}

impl Models {
    pub(super) fn new(names: &[String]) -> Self {
        let model = |name: &String| Model {
            name: name.clone(),
            breaker: Breaker::new(FAILURES, REST),
        };
        Self(names.iter().map(model).collect())
    }

    /// Whether any model is of another family than the one that is judged.
    pub(super) fn has_another(&self, judged: &CandidateKey) -> bool {
        self.others(judged).next().is_some()
    }

    /// The first of another family that is not left alone; it is to be asked, and what came of it noted.
    pub(super) fn another(&self, judged: &CandidateKey) -> Option<String> {
        let now = Instant::now();
        let mut others = self.others(judged);
        let model = others.find(|model| model.breaker.admits(now))?;
        Some(model.name.clone())
    }

    /// Whether a model answered, whatever it said.
    pub(super) fn note(&self, name: &str, answered: bool) {
        if let Some(model) = self.0.iter().find(|model| model.name == name) {
            model.breaker.note(answered, Instant::now());
        }
    }

    fn others(&self, judged: &CandidateKey) -> impl Iterator<Item = &Model> {
        let own = family(judged.as_str());
        self.0
            .iter()
            .filter(move |model| family(&model.name) != own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_model_that_does_not_answer_is_left_alone_for_the_next_and_found_out_about_later() {
        let models = Models::new(&["gpt-4o-mini", "mistral-small"].map(str::to_owned));
        let judged = CandidateKey::new("anthropic", "claude-3-5-haiku").expect("valid");
        let asked = || models.another(&judged);
        for _ in 0..FAILURES {
            assert_eq!(asked().as_deref(), Some("gpt-4o-mini"));
            models.note("gpt-4o-mini", false);
        }
        assert_eq!(asked().as_deref(), Some("mistral-small"));
        for _ in 0..FAILURES {
            models.note("mistral-small", false);
        }
        assert_eq!(asked(), None);
        assert!(models.has_another(&judged), "there is one all the same");
        tokio::time::advance(REST).await;
        assert_eq!(asked().as_deref(), Some("gpt-4o-mini"));
        models.note("gpt-4o-mini", true);
        assert_eq!(asked().as_deref(), Some("gpt-4o-mini"));
    }

    #[test]
    fn no_model_grades_one_of_its_own_maker() {
        let models = Models::new(&["gpt-4o-mini".to_owned()]);
        let judged = CandidateKey::new("azure", "o4-mini").expect("valid");
        assert!(!models.has_another(&judged) && models.another(&judged).is_none());
    }
}
