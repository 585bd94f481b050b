//! What a batch is now: asked of its provider, told in OpenAI's form, and entered in the books.

use std::sync::Arc;

use floopy_shared::domain::batch::Batch;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    api_of,
    outputs::FIELDS,
    provider_of,
    remote::{Failed, Question, answer, segment},
    status::{MessageBatch, is_final},
};
use crate::{
    gateway::Gateway,
    http::respond::Refusal,
    provider::{BatchApi, Provider},
};

/// Its provider is done with it, and it is being recorded.
const FINALIZING: &str = "finalizing";

/// How often what came of a cancellation is entered over what others entered meanwhile.
const ENTRIES: usize = 4;

fn status_of(object: &Map<String, Value>) -> &str {
    let status = object.get("status").and_then(Value::as_str);
    status.unwrap_or_default()
}

/// What a provider says of a batch.
pub(super) struct Seen {
    /// As callers are shown it, but for the names of output files, which are the provider's.
    pub object: Map<String, Value>,
    /// Whether its provider is done with it.
    pub is_ended: bool,
    /// Of Anthropic's: what is told of it once its results are in files.
    pub messages: Option<MessageBatch>,
}

impl Seen {
    /// As callers are shown it until all its lines are recorded: what is in its files could be gone before.
    fn shown(&self) -> Map<String, Value> {
        let mut object = self.object.clone();
        if self.is_ended {
            object.insert("status".to_owned(), json!(FINALIZING));
            for (field, _) in FIELDS {
                object.insert(field.to_owned(), Value::Null);
            }
        }
        object
    }
}

/// A batch as callers are shown it.
pub(crate) fn object_of(batch: &Batch) -> Map<String, Value> {
    serde_json::from_str(&batch.object).unwrap_or_default()
}

/// Puts what a provider answered into the form that callers are shown.
fn read((batch, provider): (&Batch, &Provider), answered: &[u8]) -> Result<Seen, Refusal> {
    let odd = |why: String| {
        let message = format!(
            "{} answered with something that is no batch: {why}",
            provider.name()
        );
        Refusal::upstream(StatusCode::BAD_GATEWAY, "upstream_error", message)
    };
    let mut object = object_of(batch);
    match api_of(provider)? {
        BatchApi::Messages => {
            let messages = MessageBatch::read(answered).map_err(odd)?;
            messages.tell(&mut object, false);
            Ok(Seen {
                object,
                is_ended: messages.is_ended(),
                messages: Some(messages),
            })
        }
        BatchApi::Files => {
            let told: Map<String, Value> =
                serde_json::from_slice(answered).map_err(|e| odd(e.to_string()))?;
            object.extend(told);
            // Ours, whatever the provider's are.
            object.insert("id".to_owned(), json!(batch.id));
            object.insert("input_file_id".to_owned(), json!(batch.input_file));
            Ok(Seen {
                is_ended: is_final(&object),
                object,
                messages: None,
            })
        }
    }
}

fn path(provider: &Provider, id: &str) -> Result<String, Refusal> {
    let id = segment(id).map_err(|failed| failed.refusal(provider.name()))?;
    Ok(match api_of(provider)? {
        BatchApi::Files => format!("batches/{id}"),
        BatchApi::Messages => format!("messages/batches/{id}"),
    })
}

/// Asks what has become of a batch that its provider took.
pub(super) async fn ask_about(gateway: &Arc<Gateway>, batch: &Batch) -> Result<Seen, Refusal> {
    let provider = provider_of(gateway, (&batch.tenant, &batch.provider))?;
    let id = batch.provider_id.as_deref().unwrap_or_default();
    let question = Question::get(path(&provider, id)?);
    let answered = answer(gateway, &provider, question).await;
    let answered = answered.map_err(|failed| failed.refusal(provider.name()))?;
    read((batch, &provider), &answered)
}

/// A batch as it is now. Where the provider cannot be asked, that is said.
pub(crate) async fn look(
    gateway: &Arc<Gateway>,
    batch: Batch,
) -> Result<Map<String, Value>, Refusal> {
    let shown = object_of(&batch);
    let is_under_way = batch.is_open && batch.provider_id.is_some();
    if !is_under_way || status_of(&shown) == FINALIZING {
        return Ok(shown);
    }
    let seen = ask_about(gateway, &batch).await?;
    // Whoever was quicker knows more.
    Ok(match enter(gateway, batch, &seen).await? {
        Entered::Shown(shown) => shown,
        Entered::Newer(newer) => object_of(&newer),
    })
}

/// What a provider answered who took a batch.
pub(super) fn taken(
    (batch, provider): (&Batch, &Provider),
    answered: &[u8],
) -> Result<Map<String, Value>, Refusal> {
    Ok(read((batch, provider), answered)?.shown())
}

/// What came of entering what was seen.
enum Entered {
    Shown(Map<String, Value>),
    /// Somebody else entered something meanwhile.
    Newer(Box<Batch>),
}

/// Enters what was seen.
async fn enter(gateway: &Arc<Gateway>, batch: Batch, seen: &Seen) -> Result<Entered, Refusal> {
    let books = &gateway.batches.books;
    let shown = seen.shown();
    let object = Value::Object(shown.clone()).to_string();
    if object == batch.object {
        return Ok(Entered::Shown(shown));
    }
    let looked = Batch { object, ..batch };
    let due_in_ms = if seen.is_ended {
        0
    } else {
        gateway.config.batches.poll_ms
    };
    let of = (&looked.tenant, looked.id.as_str());
    if books.update(&looked, due_in_ms).await? {
        if seen.is_ended {
            gateway.batches.due.notify_one();
        }
        return Ok(Entered::Shown(shown));
    }
    let newer = books.batch(of).await?;
    Ok(newer.map_or(Entered::Shown(shown), |newer| {
        Entered::Newer(Box::new(newer))
    }))
}

/// Asks for a batch to be cancelled.
pub(crate) async fn cancel(
    gateway: &Arc<Gateway>,
    mut batch: Batch,
) -> Result<Map<String, Value>, Refusal> {
    let shown = object_of(&batch);
    let status = status_of(&shown);
    if is_final(&shown) || status == FINALIZING {
        let message = format!("the batch is {status}, there is nothing to cancel any more");
        return Err(super::invalid("batch_id", message));
    }
    let Some(id) = batch.provider_id.as_deref() else {
        let message = "its provider has not taken the batch yet; ask again";
        return Err(Refusal::unavailable("batch_not_taken", message, 2));
    };
    let provider = provider_of(gateway, (&batch.tenant, &batch.provider))?;
    let question = Question::post(format!("{}/cancel", path(&provider, id)?), None);
    let answered = answer(gateway, &provider, question).await;
    let answered = answered.map_err(|failed: Failed| failed.refusal(provider.name()))?;
    // What somebody entered meanwhile was seen before the provider took this: it is entered over that.
    for _ in 0..ENTRIES {
        let seen = read((&batch, &provider), &answered)?;
        match enter(gateway, batch, &seen).await? {
            Entered::Shown(shown) => return Ok(shown),
            Entered::Newer(newer) => batch = *newer,
        }
        if !batch.is_open || status_of(&object_of(&batch)) == FINALIZING {
            break;
        }
    }
    Ok(object_of(&batch))
}
