//! Judge models: which reply is shown to which model, what it may cost, and how its grades and the built-in scores make
//! one score.

mod budget;
mod family;
mod models;
mod provider;
mod rubric;
mod sample;

use std::{sync::Arc, time::Duration};

use floopy_shared::{
    domain::{event::ScoringJob, rubric::Rubric},
    process::clock::Clock,
};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::sample::Draw;
use self::{
    budget::Budget,
    models::Models,
    provider::{Answer, Provider, Usage},
    rubric::Grades,
    sample::Sampler,
};
use crate::{
    config::Llm,
    judge,
    metrics::Metrics,
    rubric::{Verdict, versioned},
};

/// Bytes of text that are a token at the least; more tokens than there will be are set aside.
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens of the rubric.
const RUBRIC_TOKENS: u64 = 450;

/// A reply that a model is to grade.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) job: ScoringJob,
    pub(crate) builtin: Verdict,
    /// What its tenant has replies judged by.
    pub(crate) rubric: Arc<Rubric>,
    model: String,
    /// Set aside for it, in millionths of a dollar.
    reserved: u64,
    pub(crate) draw: Draw,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Graded {
    pub(crate) task: Task,
    /// With the grades of the tenant's own dimensions.
    pub(crate) verdict: Result<(Verdict, Vec<f64>), String>,
    /// In millionths of a dollar.
    pub(crate) spent: u64,
}

/// Asks judge models.
#[derive(Debug, Clone)]
pub(crate) struct Judges {
    config: Llm,
    provider: Provider,
    models: Models,
    budget: Budget,
    sampler: Sampler,
    metrics: Metrics,
}

impl Judges {
    /// `None`: no model is configured.
    pub(crate) fn new(config: &Llm, metrics: &Metrics) -> Option<Self> {
        (!config.models.is_empty()).then(|| Self {
            config: config.clone(),
            provider: Provider::new(config),
            models: Models::new(&config.models),
            budget: Budget::new(config.micro_usd_per_day(), Clock::system()),
            sampler: Sampler::new(config.share),
            metrics: metrics.clone(),
        })
    }

    /// Replies that are worked on at a time: no more are leased, so that none waits for its lease to end.
    pub(crate) fn concurrency(&self) -> u32 {
        self.config.concurrency
    }

    /// Has a model grade a reply, or says how it came that the built-in scorer judges it alone.
    pub(crate) fn take(
        &self,
        job: ScoringJob,
        (builtin, rubric): (Verdict, &Arc<Rubric>),
    ) -> Result<Task, Draw> {
        if !self.models.has_another(&job.candidate) || !self.may_see(&job) {
            return Err(Draw::NONE);
        }
        let (is_drawn, draw) = self.sampler.draw(&job);
        if !is_drawn {
            return Err(draw);
        }
        // As if it were not drawn by chance at all.
        let alone = Draw {
            weight: 1.0,
            ..draw
        };
        let reserved = self.most(&job, rubric);
        if !self.budget.reserve(&job.tenant, reserved) {
            self.metrics.llm_unpaid.inc();
            return Err(alone);
        }
        let Some(model) = self.models.another(&job.candidate) else {
            self.budget.settle(&job.tenant, (reserved, 0));
            self.metrics.llm_left_alone.inc();
            return Err(alone);
        };
        Ok(Task {
            job,
            builtin,
            rubric: Arc::clone(rubric),
            model,
            reserved,
            draw,
        })
    }

    /// Of a tenant that lets its replies be shown.
    fn may_see(&self, job: &ScoringJob) -> bool {
        let mut tenants = self.config.tenants.iter();
        tenants.any(|tenant| tenant == "*" || *tenant == job.tenant.to_string())
    }

    /// What a question and its repair cost at the most.
    fn most(&self, job: &ScoringJob, rubric: &Rubric) -> u64 {
        let bytes =
            (job.prompt.len() + rubric::with_calls(job).len()) as u64 + rubric::own_bytes(rubric);
        let once = bytes / BYTES_PER_TOKEN + RUBRIC_TOKENS;
        let answer = rubric::answer_tokens(rubric);
        self.config.micro_usd(Usage {
            prompt_tokens: 2 * once + answer,
            completion_tokens: 2 * answer,
        })
    }

    /// All of them, side by side; what has no grade by then has failed.
    pub(crate) async fn grade(&self, tasks: Vec<Task>, by: Instant) -> Vec<Graded> {
        let side_by_side = self.config.concurrency.max(1) as usize;
        let graded = stream::iter(tasks).map(|task| self.grade_one(task, by));
        graded.buffer_unordered(side_by_side).collect().await
    }

    async fn grade_one(&self, task: Task, by: Instant) -> Graded {
        let mut spent = 0;
        // Where reporting others took the whole lease, no model is to blame.
        let has_time = Instant::now() < by;
        let asked = timeout_at(by, self.ask(&task, &mut spent)).await;
        let grades = asked.unwrap_or_else(|_| {
            if has_time {
                self.models.note(&task.model, false);
            }
            Err(format!("{} did not answer within the lease", task.model))
        });
        // What was not told may have been charged.
        let spent = if grades.is_err() && spent == 0 {
            task.reserved / 2
        } else {
            spent
        };
        self.budget.settle(&task.job.tenant, (task.reserved, spent));
        self.metrics.llm_cost_micro_usd.inc_by(spent);
        self.metrics.llm_asked.inc();
        if grades.is_err() {
            self.metrics.llm_failed.inc();
        }
        let verdict =
            grades.map(|Grades { verdict, own }| (self.blend(&task.builtin, &verdict), own));
        Graded {
            task,
            verdict,
            spent,
        }
    }

    /// Asks, and once more where the answer is not valid.
    async fn ask(&self, task: &Task, spent: &mut u64) -> Result<Grades, String> {
        let mut messages = rubric::question(&task.job, &task.rubric);
        let answer = self.paid(task, &messages, spent).await?;
        let wrong = match rubric::read(&answer.text, &task.rubric) {
            Ok(grades) => return Ok(grades),
            Err(wrong) => wrong,
        };
        self.metrics.llm_repaired.inc();
        messages.extend(rubric::repair(&answer.text, &wrong, &task.rubric));
        let answer = self.paid(task, &messages, spent).await?;
        rubric::read(&answer.text, &task.rubric)
            .map_err(|wrong| format!("{} gave no valid answer twice: {wrong}", task.model))
    }

    async fn paid(
        &self,
        task: &Task,
        messages: &[Value],
        spent: &mut u64,
    ) -> Result<Answer, String> {
        let most = rubric::answer_tokens(&task.rubric);
        let answer = self.provider.ask((&task.model, most), messages).await;
        let refused_this = answer.as_ref().is_err_and(|failed| failed.is_of_question);
        if !refused_this {
            self.models.note(&task.model, answer.is_ok());
        }
        let answer = answer.map_err(|failed| failed.reason)?;
        *spent += match answer.usage {
            Some(usage) => self.config.micro_usd(usage),
            None => task.reserved / 2,
        };
        Ok(answer)
    }

    fn blend(&self, builtin: &Verdict, grades: &Verdict) -> Verdict {
        let weight = self.config.weight;
        let mix = |grade: f64, builtin: f64| weight * grade + (1.0 - weight) * builtin;
        Verdict {
            relevance: mix(grades.relevance, builtin.relevance),
            coherence: mix(grades.coherence, builtin.coherence),
            helpfulness: mix(grades.helpfulness, builtin.helpfulness),
            safety: mix(grades.safety, builtin.safety),
        }
    }
}

impl Task {
    /// Who scored it: both scorers, with their versions.
    pub(crate) fn judge(&self) -> String {
        let both = format!("{}+{}@{}", judge::NAME, self.model, rubric::VERSION);
        versioned(&both, &self.rubric)
    }
}

impl Llm {
    fn micro_usd(&self, usage: Usage) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "tokens of one question")]
        let micro = usage.prompt_tokens as f64 * self.usd_per_million_input
            + usage.completion_tokens as f64 * self.usd_per_million_output;
        to_micro(micro.ceil())
    }

    /// Of all tenants together, and of each.
    fn micro_usd_per_day(&self) -> (u64, u64) {
        let of_each = self.usd_per_day_each.unwrap_or(self.usd_per_day);
        let micro = |usd: f64| to_micro((usd * 1e6).round());
        (micro(self.usd_per_day), micro(of_each))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and saturating"
)]
fn to_micro(micro: f64) -> u64 {
    micro.max(0.0) as u64
}

/// How long before the end of a lease there must be an answer, so that it can be reported.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);
