//! A thread that scores calls, with a model of its own.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use floopy_firewall::{
    library,
    model::{BUILT_IN, Files, Model, ModelError},
    scan::{Limits, Message, Scanner, Verdict},
};
use floopy_shared::domain::firewall::{Finding, Skip};

use super::{
    queue::{Job, Queue},
    texts::{self, Text},
};
use crate::{config, metrics::Metrics};

/// How long a thread that nobody needs waits for a call before it gives its memory back.
const IDLE: Duration = Duration::from_secs(60);
/// How long a model that cannot be loaded is not tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
enum Unloaded {
    #[error("{file} cannot be read: {source}")]
    File { file: String, source: io::Error },
    #[error(transparent)]
    Model(#[from] ModelError),
}

pub(super) struct Scorer {
    pub config: Arc<config::Firewall>,
    pub queue: Arc<Queue>,
    pub metrics: Arc<Metrics>,
}

impl Scorer {
    /// Until nobody needs it.
    pub(super) fn run(self) {
        let mut scanner = self.load();
        let mut tried = Instant::now();
        while let Some(jobs) = self.queue.take(IDLE) {
            if scanner.is_none() && tried.elapsed() >= AGAIN {
                scanner = self.load();
                tried = Instant::now();
            }
            let Some(model) = &mut scanner else {
                refuse(jobs, Skip::Unavailable);
                continue;
            };
            if !score(model, jobs) {
                tracing::error!("the firewall's model failed on a call; it is loaded anew");
                self.metrics.firewall.loaded(-1);
                scanner = self.load();
                tried = Instant::now();
            }
        }
        if scanner.is_some() {
            self.metrics.firewall.loaded(-1);
        }
    }

    fn load(&self) -> Option<Scanner> {
        match open(&self.config) {
            Ok(model) => {
                self.metrics.firewall.loaded(1);
                let bytes = self.config.max_bytes;
                Some(Scanner::new(model, Limits { bytes }))
            }
            Err(error) => {
                tracing::error!(%error, "the firewall has no model; what becomes of calls is their tenants' to say");
                None
            }
        }
    }
}

fn open(config: &config::Firewall) -> Result<Model, Unloaded> {
    let library = library::find(config.library.as_deref());
    let Some(folder) = &config.model else {
        return Ok(Model::load(&library, BUILT_IN)?);
    };
    let network = read(&folder.join("model.onnx"))?;
    let tokenizer = read(&folder.join("tokenizer.json"))?;
    let tokenizer = String::from_utf8_lossy(&tokenizer);
    let files = Files {
        network: &network,
        tokenizer: &tokenizer,
    };
    Ok(Model::load(&library, files)?)
}

fn read(file: &Path) -> Result<Vec<u8>, Unloaded> {
    fs::read(file).map_err(|source| Unloaded::File {
        file: file.display().to_string(),
        source,
    })
}

fn refuse(jobs: Vec<Job>, why: Skip) {
    for job in jobs {
        answer(job, Err(why));
    }
}

fn answer(job: Job, found: Result<Finding, Skip>) {
    // Whoever asked may have left.
    let _gone = job.answer.send(found);
}

/// Scores calls together; where that fails, each alone. Whether the model is still good.
fn score(scanner: &mut Scanner, jobs: Vec<Job>) -> bool {
    let now = Instant::now();
    let (jobs, late): (Vec<Job>, Vec<Job>) = jobs
        .into_iter()
        .filter(|job| !job.answer.is_closed())
        .partition(|job| now < job.late);
    refuse(late, Skip::Late);
    let texts: Vec<Vec<Text>> = jobs
        .iter()
        .map(|job| texts::read(&job.body, &job.roles, &job.allow))
        .collect();
    let own = scanner.thresholds().one_percent;
    if let Some(verdicts) = verdicts(scanner, &texts) {
        for ((job, texts), verdict) in jobs.into_iter().zip(&texts).zip(verdicts) {
            let found = finding(texts, &verdict, job.threshold.unwrap_or(thousandths(own)));
            answer(job, Ok(found));
        }
        return true;
    }
    let mut is_good = true;
    for (job, texts) in jobs.into_iter().zip(texts) {
        let verdict = verdicts(scanner, std::slice::from_ref(&texts)).and_then(|mut all| all.pop());
        is_good &= verdict.is_some();
        let threshold = job.threshold.unwrap_or(thousandths(own));
        let found = verdict.map(|verdict| finding(&texts, &verdict, threshold));
        answer(job, found.ok_or(Skip::Failed));
    }
    is_good
}

/// Nothing is left of a panic: the model is loaded anew after it.
fn verdicts(scanner: &mut Scanner, calls: &[Vec<Text>]) -> Option<Vec<Verdict>> {
    let messages: Vec<Vec<Message<'_>>> = calls
        .iter()
        .map(|texts| texts.iter().map(Text::message).collect())
        .collect();
    let calls: Vec<&[Message<'_>]> = messages.iter().map(Vec::as_slice).collect();
    let scored = catch_unwind(AssertUnwindSafe(|| scanner.score_all(&calls)));
    scored.ok()?.ok()
}

fn finding(texts: &[Text], verdict: &Verdict, threshold: u16) -> Finding {
    let text = texts.get(verdict.message);
    Finding {
        score: thousandths(verdict.score),
        threshold,
        place: text.and_then(|text| text.place(&verdict.span)),
        partial: !verdict.is_complete,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 1,000"
)]
fn thousandths(score: f32) -> u16 {
    (score.clamp(0.0, 1.0) * 1_000.0).round() as u16
}
