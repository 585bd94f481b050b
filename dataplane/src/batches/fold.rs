//! A batch that has ended, line by line: each is recorded as a call, under names that are the same whenever it is read.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use floopy_shared::domain::{
    batch::{Batch, BatchFile, Part},
    event::{Event, EventBody, ScoringJob},
    ids::CandidateKey,
    snapshot::Tenant,
};
use futures::{StreamExt, TryStreamExt};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    content::{open, results},
    input::{Line, own_name},
    lines::Lines,
    look::{Seen, object_of},
    names::{event_id, job_id, request_id},
    outputs::{enter_made, enter_results, made},
    remote::Pieces,
};
use crate::{
    call::{Call, Endpoint},
    gateway::Gateway,
    http::respond::Refusal,
    record::{Answered, BatchCall, of_line},
};

mod line;

use self::line::OutputLine;

/// How long a full spool is waited for, and how often it is tried.
const FULL_PAUSE: Duration = Duration::from_millis(500);
const FULL_TIMES: u32 = 60;
/// Bytes of replies that wait for their questions, which are in another file.
const WAITING_BYTES: usize = 16 << 20;

/// A batch that is being recorded.
pub(super) struct Fold<'a> {
    gateway: &'a Arc<Gateway>,
    batch: &'a Batch,
    tenant: Arc<Tenant>,
    /// That its input file names.
    models: Vec<String>,
    ended_at_ms: u64,
    endpoint: String,
    /// Replies for the judge by the caller's names of their lines.
    judged: HashMap<String, (CandidateKey, String)>,
    judged_bytes: usize,
    /// Lines that are none.
    odd: u64,
}

fn broken(error: &io::Error) -> Refusal {
    let message = format!("the results could not be read: {error}");
    Refusal::upstream(http::StatusCode::BAD_GATEWAY, "upstream_error", message)
}

/// A provider's clock may be wrong: when a batch ended is after it began, and not to come.
fn within(seconds: Option<u64>, (began_ms, now_ms): (u64, u64)) -> u64 {
    let ended_ms = seconds.map_or(began_ms, |s| s.saturating_mul(1_000));
    ended_ms.clamp(began_ms, now_ms.max(began_ms))
}

/// Records all lines of a batch, and says in which files they are. Done again, it changes nothing.
pub(super) async fn fold(
    gateway: &Arc<Gateway>,
    batch: &Batch,
    seen: &Seen,
) -> Result<Vec<(Part, String)>, Refusal> {
    let of = (&batch.tenant, batch.input_file.as_str());
    let input = gateway.batches.books.file(of).await?;
    let mut fold = Fold::begin(gateway, (batch, seen));
    let files = if seen.messages.is_some() {
        fold.results().await?
    } else {
        fold.outputs(seen).await?
    };
    if fold.odd > 0 {
        let (batch, lines) = (&batch.id, fold.odd);
        tracing::warn!(%batch, lines, "lines of a batch's results cannot be read, and are not recorded");
    }
    // Judging is what can be done without: a batch is not recorded again for it.
    if let Some(input) = input
        && let Err(refusal) = fold.judge(&input).await
    {
        tracing::warn!(batch = %batch.id, error = %refusal.message, "replies of a batch are not judged");
    }
    Ok(files)
}

impl<'a> Fold<'a> {
    fn begin(gateway: &'a Arc<Gateway>, (batch, seen): (&'a Batch, &Seen)) -> Self {
        let snapshot = gateway.current.snapshot();
        let tenant = snapshot.tenants().find(|tenant| tenant.id == batch.tenant);
        // Of a tenant that is no more, what its provider charges is still recorded.
        let gone = || {
            let tenant = Tenant::new(batch.tenant.clone());
            Arc::new(Tenant {
                zero_retention: true,
                ..tenant
            })
        };
        let tenant = tenant.map_or_else(gone, Arc::clone);
        let ended = [
            "completed_at",
            "expired_at",
            "cancelled_at",
            "failed_at",
            "finalizing_at",
        ];
        let ended = ended
            .iter()
            .find_map(|name| seen.object.get(*name)?.as_u64());
        let endpoint = object_of(batch);
        let endpoint = endpoint.get("endpoint").and_then(|value| value.as_str());
        Self {
            gateway,
            batch,
            tenant,
            models: batch.models.clone(),
            ended_at_ms: within(ended, (batch.created_at_ms, gateway.clock.now_ms())),
            endpoint: endpoint.unwrap_or_default().to_owned(),
            judged: HashMap::new(),
            judged_bytes: 0,
            odd: 0,
        }
    }

    /// Of Anthropic's: the results become files, which are entered once it is known how long they are.
    async fn results(&mut self) -> Result<Vec<(Part, String)>, Refusal> {
        let mut lines = results(self.gateway, self.batch).await?;
        let mut bytes: BTreeMap<bool, u64> = BTreeMap::new();
        while let Some(line) = lines.try_next().await.map_err(|e| broken(&e))? {
            *bytes.entry(line.part == Part::Failed).or_default() += line.json.len() as u64;
            self.record(&line.json).await?;
        }
        let mut files = Vec::new();
        for (failed, bytes) in bytes {
            let part = if failed {
                Part::Failed
            } else {
                Part::Succeeded
            };
            let id = enter_results(self.gateway, self.batch, (part, bytes)).await?;
            files.push((part, id));
        }
        Ok(files)
    }

    /// Of OpenAI's: its files are read, and become the tenant's once they are.
    async fn outputs(&mut self, seen: &Seen) -> Result<Vec<(Part, String)>, Refusal> {
        let mut files = Vec::new();
        for (part, file) in made(self.batch, &seen.object) {
            let mut content = self.lines_of(&file).await?;
            while let Some((_, line)) = content.next().await? {
                self.record(&line).await?;
            }
            let id = enter_made(self.gateway, (file, content.bytes)).await?;
            files.push((part, id));
        }
        Ok(files)
    }

    async fn lines_of(&self, file: &BatchFile) -> Result<Content, Refusal> {
        Ok(Content {
            pieces: open(self.gateway, file).await?,
            lines: Lines::new(self.gateway.config.limits.reply_bytes),
            is_over: false,
            bytes: 0,
        })
    }

    /// The model that a line asked for: what a provider answers with may be a version of it.
    fn model(&self, answered: Option<&str>) -> Option<CandidateKey> {
        let asked = match (self.models.as_slice(), answered) {
            ([only], _) => Some(only.as_str()),
            (several, Some(answered)) => {
                let begins = |model: &&String| answered.starts_with(model.as_str());
                let longest = several
                    .iter()
                    .filter(begins)
                    .max_by_key(|model| model.len());
                Some(longest.map_or(answered, String::as_str))
            }
            (several, None) => several.first().map(String::as_str),
        };
        let model = own_name(&self.batch.provider, asked?);
        CandidateKey::new(&self.batch.provider, model).ok()
    }

    async fn record(&mut self, json: &[u8]) -> Result<(), Refusal> {
        // What is no line was never a call; the caller finds it in the file.
        let Some(line) = OutputLine::read(json) else {
            self.odd += 1;
            return Ok(());
        };
        // Nor was what expired or was cancelled before its turn: nothing was charged for it.
        let Some(reply) = line.reply() else {
            return Ok(());
        };
        let key = self.model(reply.model.as_deref());
        let call = BatchCall {
            tenant: &self.tenant,
            batch: self.batch,
            custom_id: &line.custom_id,
            request_id: request_id(&self.batch.id, &line.custom_id),
            at_ms: self.ended_at_ms,
            is_embeddings: self.endpoint == "/v1/embeddings",
        };
        let answered = Answered {
            status: reply.status,
            key: key.as_ref(),
            completion_id: reply.id.clone(),
            usage: reply.usage,
            is_refused: reply.is_refused,
        };
        let decision = of_line(self.gateway, &call, &answered);
        let id = event_id(&self.batch.id, &line.custom_id);
        let body = EventBody::Decision(Box::new(decision));
        self.spool(id, body).await?;
        if let (Some(key), Some(text), true) = (key, reply.text, reply.status < 400) {
            self.wants_judging(line.custom_id, (key, text));
        }
        Ok(())
    }

    fn wants_judging(&mut self, custom_id: String, (key, mut text): (CandidateKey, String)) {
        let config = &self.gateway.config;
        let id = request_id(&self.batch.id, &custom_id);
        let end = text.floor_char_boundary(config.scoring.max_bytes + 1);
        text.truncate(end);
        let has_room = self.judged.len() < config.batches.judged
            && self.judged_bytes + text.len() <= WAITING_BYTES;
        let tenant = &self.tenant;
        let may_be = !tenant.zero_retention && !tenant.routing.passthrough;
        let is_wanted = !text.is_empty() && may_be && has_room;
        if is_wanted && self.gateway.is_sampled(id) {
            self.judged_bytes += text.len();
            self.judged.insert(custom_id, (key, text));
        }
    }

    /// Hands replies to the judge, with the questions of the input file.
    async fn judge(&mut self, input: &BatchFile) -> Result<(), Refusal> {
        if self.judged.is_empty() || self.endpoint != "/v1/chat/completions" {
            return Ok(());
        }
        let mut content = self.lines_of(input).await?;
        while let Some((number, line)) = content.next().await? {
            let Ok(line) = Line::read((number, &line)) else {
                continue;
            };
            let Some((candidate, reply)) = self.judged.remove(&*line.custom_id) else {
                continue;
            };
            let body = Bytes::copy_from_slice(line.body.as_bytes());
            let Ok(call) = Call::parse(body, Endpoint::Chat, None) else {
                continue;
            };
            let job = self.job(&line.custom_id, (candidate, reply), &call);
            let id = job_id(&self.batch.id, &line.custom_id);
            self.spool(id, EventBody::ScoringJob(job)).await?;
        }
        Ok(())
    }

    fn job(
        &self,
        custom_id: &str,
        (candidate, mut reply): (CandidateKey, String),
        call: &Call,
    ) -> ScoringJob {
        let max_bytes = self.gateway.config.scoring.max_bytes;
        let prompt = call.prompt(max_bytes);
        let kept = self.tenant.firewall.kept;
        let is_cut = reply.len() > max_bytes;
        reply = kept.text(reply);
        reply.truncate(reply.floor_char_boundary(max_bytes));
        ScoringJob {
            request_id: request_id(&self.batch.id, custom_id),
            tenant: self.batch.tenant.clone(),
            candidate,
            prompt: kept.text(prompt.text),
            reply,
            truncated: prompt.truncated || is_cut,
            json_expected: call.json_expected(),
            session_id: None,
            asked_at_ms: 0,
            // Nothing is learned from it.
            uncertainty: 0,
            calls: Vec::new(),
        }
    }

    /// Waits for a spool that is full: a batch may be larger than what it holds.
    async fn spool(&self, id: Uuid, body: EventBody) -> Result<(), Refusal> {
        let event = Event {
            id,
            recorded_at_ms: self.gateway.clock.now_ms(),
            body,
        };
        let mut refused = None;
        for _ in 0..FULL_TIMES {
            match self.gateway.spool.append(&event) {
                Ok(()) => {
                    tokio::task::yield_now().await;
                    return Ok(());
                }
                Err(error) => refused = Some(error),
            }
            sleep(FULL_PAUSE).await;
        }
        let why = refused.map_or_else(String::new, |error| error.to_string());
        Err(Refusal::unavailable("spool_unavailable", why, 60))
    }
}

/// A file's lines under way.
struct Content {
    pieces: Pieces,
    lines: Lines,
    is_over: bool,
    /// So far.
    bytes: u64,
}

impl Content {
    async fn next(&mut self) -> Result<Option<(u64, Bytes)>, Refusal> {
        loop {
            if let Some(line) = self.lines.next()? {
                return Ok(Some(line));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.pieces.next().await {
                Some(piece) => {
                    let piece = piece.map_err(|e| broken(&e))?;
                    self.bytes += piece.len() as u64;
                    self.lines.push(&piece);
                }
                None => {
                    self.is_over = true;
                    return Ok(self.lines.last()?);
                }
            }
        }
    }
}
