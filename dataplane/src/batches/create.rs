//! Making a batch: it is in the books before its provider is asked, so that none is paid for that nobody knows.

mod question;
mod requests;

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{
    batch::{Batch, BatchFile},
    ids::CandidateKey,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tokio::time::sleep;
use uuid::Uuid;

use self::question::Asked;
pub(crate) use self::question::MAX_BODY_BYTES;
use super::{
    api_of, chosen, invalid, look,
    names::{new_name, question},
    once::{self, Made, Once},
    provider_of,
    remote::{Failed, Question, Sent, answer},
    status::begun,
    upload::PURPOSE,
};
use crate::{
    admit::Admitted,
    gateway::Gateway,
    http::respond::Refusal,
    provider::{BatchApi, Provider},
};

/// How long a question is remembered that has no name: as long as a client keeps asking again. The same as for what the
/// control plane makes.
const UNNAMED_MS: u64 = 30_000;

/// Makes a batch, or gives the one that the same question made.
pub(crate) async fn create(
    gateway: &Arc<Gateway>,
    (admitted, project): (&Admitted, Option<Uuid>),
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Made<Map<String, Value>>, Refusal> {
    let asked = Asked::read(body)?;
    let once = once(headers, &asked, gateway.clock.now_ms())?;
    let file = input(gateway, admitted, &asked).await?;
    let provider = provider_of(gateway, (&file.tenant, &file.provider))?;
    if headers.contains_key(&super::PROVIDER) && chosen(admitted, headers)?.name() != file.provider
    {
        let message = format!(
            "the header {} names another provider than {:?}, which the file was uploaded for",
            super::PROVIDER,
            file.provider
        );
        return Err(invalid(super::PROVIDER.as_str(), message));
    }
    permitted(admitted, &file)?;
    let api = api_of(&provider)?;
    asked.check_for(api, provider.name())?;
    let requests = match api {
        BatchApi::Files => None,
        BatchApi::Messages => Some(requests::Requests::check(gateway, &file, &asked).await?),
    };
    let (batch, is_new) = enter(gateway, (admitted, project), &once, (&asked, &file)).await?;
    if !is_new {
        once.check(&batch.digest)?;
        return Ok(Made {
            it: look::object_of(&batch),
            is_replay: true,
        });
    }
    let sent = match requests {
        None => ("batches", Sent::json(asked.for_provider(&file).to_string())),
        Some(requests) => ("messages/batches", requests.sent(gateway)),
    };
    // A client that leaves must not keep what the provider began out of the books.
    let gateway = Arc::clone(gateway);
    let begun = tokio::spawn(async move { hand_over(&gateway, &provider, batch, sent).await });
    let begun = begun.await.unwrap_or_else(|_| {
        let message = "the batch may have been begun; ask for your batches";
        Err(Refusal::unavailable("unknown_outcome", message, 60))
    });
    begun.map(|it| Made {
        it,
        is_replay: false,
    })
}

async fn input(
    gateway: &Arc<Gateway>,
    admitted: &Admitted,
    asked: &Asked,
) -> Result<BatchFile, Refusal> {
    let id = asked.input_file_id.as_str();
    let of = (&admitted.tenant.id, id);
    let found = gateway.batches.books.file(of).await?;
    let shown: String = id.chars().take(64).collect();
    let found = found.ok_or_else(|| {
        let message = format!("input_file_id is {shown:?}, and there is no such file");
        invalid("input_file_id", message)
    })?;
    if found.purpose != PURPOSE {
        let message = format!(
            "input_file_id is {shown:?}, a file of the purpose {:?}; it must be one of the purpose {PURPOSE:?}",
            found.purpose
        );
        return Err(invalid("input_file_id", message));
    }
    Ok(found)
}

/// What a tenant forbids is not asked for in a batch either.
fn permitted(admitted: &Admitted, file: &BatchFile) -> Result<(), Refusal> {
    for model in &file.models {
        let key = CandidateKey::new(&file.provider, model);
        let key = key.map_err(|e| invalid("input_file_id", e.to_string()))?;
        if let Some(filter) = admitted.tenant.constraints.forbids(&key) {
            let message = format!(
                "the file asks for {key}, which this organisation does not allow ({})",
                filter.as_str()
            );
            let refusal = Refusal::new(StatusCode::FORBIDDEN, "model_not_allowed", message);
            return Err(refusal.about(Some("input_file_id")));
        }
    }
    Ok(())
}

/// What tells this question from others.
fn once(headers: &HeaderMap, asked: &Asked, now_ms: u64) -> Result<Once, Refusal> {
    let digest = question(&["body", &Value::Object(asked.fields.clone()).to_string()]);
    Ok(match once::name(headers)? {
        Some(name) => Once {
            digest,
            ..Once::named("name", name, now_ms)
        },
        None => Once {
            question: digest.clone(),
            since_ms: now_ms.saturating_sub(UNNAMED_MS),
            digest,
        },
    })
}

async fn enter(
    gateway: &Arc<Gateway>,
    (admitted, project): (&Admitted, Option<Uuid>),
    once: &Once,
    (asked, file): (&Asked, &BatchFile),
) -> Result<(Batch, bool), Refusal> {
    let now_ms = gateway.clock.now_ms();
    let id = new_name("batch_");
    let object = begun(&id, &asked.fields, now_ms / 1_000);
    let batch = Batch {
        id,
        tenant: admitted.tenant.id.clone(),
        key_id: admitted.key_id.clone(),
        project,
        environment: admitted.scope.environment,
        provider: file.provider.clone(),
        provider_id: None,
        input_file: file.id.clone(),
        models: file.models.clone(),
        object: Value::Object(object).to_string(),
        created_at_ms: now_ms,
        is_open: true,
        version: 0,
        question: once.question.clone(),
        digest: once.digest.clone(),
    };
    Ok(gateway
        .batches
        .books
        .add_batch(&batch, once.since_ms)
        .await?)
}

/// Pauses before what a provider answered is entered again: it is told once, and its batch costs money.
const KEEPING_AGAIN: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
];

/// Has the provider begin. What it refused is taken out of the books again; where nobody knows what it did, the batch
/// stays, and a client that asks again does not begin another one.
async fn hand_over(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    batch: Batch,
    (path, sent): (&str, Sent),
) -> Result<Map<String, Value>, Refusal> {
    let books = &gateway.batches.books;
    let asking = answer(
        gateway,
        provider,
        Question::post(path.to_owned(), Some(sent)),
    );
    let answered = match asking.await {
        Ok(answered) => answered,
        Err(failed) => {
            let is_certain = match &failed {
                Failed::Unreached(_) => true,
                Failed::Unknown(_) => false,
                Failed::Refused { status, .. } => status.is_client_error(),
            };
            if is_certain {
                books.forget(&batch).await?;
            }
            return Err(failed.refusal(provider.name()));
        }
    };
    let told: Value = serde_json::from_slice(&answered).unwrap_or_default();
    let provider_id = told["id"].as_str().map(str::to_owned);
    let object = look::taken((&batch, provider), &answered)?;
    let batch = Batch {
        provider_id,
        object: Value::Object(object.clone()).to_string(),
        ..batch
    };
    let due_ms = gateway.config.batches.poll_ms;
    let mut kept = books.update(&batch, due_ms).await;
    for pause in KEEPING_AGAIN {
        if kept.is_ok() {
            break;
        }
        sleep(pause).await;
        kept = books.update(&batch, due_ms).await;
    }
    kept?;
    Ok(object)
}
