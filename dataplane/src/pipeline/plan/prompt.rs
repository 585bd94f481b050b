//! The stored prompt that a call names by its headers.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use floopy_shared::domain::prompt::{PromptVersion, Version};
use http::{HeaderMap, HeaderName, StatusCode};
use uuid::Uuid;

use super::text_header;
use crate::{
    admit::Admitted,
    call::{Call, Endpoint, Unfillable},
    http::respond::Refusal,
};

static PROMPT_ID: HeaderName = HeaderName::from_static("floopy-prompt-id");
static PROMPT_VERSION: HeaderName = HeaderName::from_static("floopy-prompt-version");

/// Characters of a header's value that an error shows.
const SHOWN_CHARS: usize = 64;

/// A prompt that is there.
pub(super) struct Named {
    id: Uuid,
    version: Arc<Version>,
}

/// What a call's headers name. Clients send the same headers with everything: where there are no messages, they mean
/// nothing.
pub(super) fn named(
    admitted: &Admitted,
    endpoint: Endpoint,
    headers: &HeaderMap,
) -> Result<Option<Named>, Refusal> {
    match endpoint {
        Endpoint::Embeddings => return Ok(None),
        Endpoint::Chat | Endpoint::Responses | Endpoint::Messages | Endpoint::CountTokens => {}
    }
    let Some(id) = text_header(headers, &PROMPT_ID)? else {
        return Ok(None);
    };
    let id = Uuid::try_parse(id).map_err(|_| invalid_id(id))?;
    let number = match text_header(headers, &PROMPT_VERSION)? {
        None => None,
        Some(text) => Some(read_version(text)?),
    };
    let prompts = admitted.snapshot.prompts(&admitted.tenant.id);
    let prompt = prompts.and_then(|prompts| prompts.get(id));
    let prompt = prompt.ok_or_else(|| {
        let message = format!("there is no prompt {id}");
        unknown(&PROMPT_ID, message)
    })?;
    let version = prompt.version(number).ok_or_else(|| {
        let number = number.unwrap_or_default();
        let message = format!("prompt {id} has no version {number}");
        unknown(&PROMPT_VERSION, message)
    })?;
    Ok(Some(Named {
        id,
        version: Arc::clone(version),
    }))
}

/// Headers of a request that is about a call: what a client sends with everything may name no prompt of ours.
pub(crate) fn without_foreign_prompt(headers: &HeaderMap) -> Cow<'_, HeaderMap> {
    let named = headers.get(&PROMPT_ID).and_then(|id| id.to_str().ok());
    let is_foreign = named.is_some_and(|id| Uuid::try_parse(id.trim()).is_err());
    let mut headers = Cow::Borrowed(headers);
    if is_foreign {
        headers.to_mut().remove(&PROMPT_ID);
    }
    headers
}

impl Named {
    /// Reads a call whose messages begin with the prompt's.
    pub(super) fn open(
        &self,
        body: Bytes,
        (endpoint, task): (Endpoint, Option<&str>),
        max_bytes: usize,
    ) -> Result<Call, Unfillable> {
        let mark = PromptVersion {
            id: self.id,
            version: self.version.number,
        };
        Call::parse_prompted((body, endpoint, task), (mark, &self.version), max_bytes)
    }
}

fn read_version(text: &str) -> Result<u32, Refusal> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        let message = format!(
            "{PROMPT_VERSION} is {:?}, it must be the number of a version, from 1",
            shown(text)
        );
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_prompt_version", message)
            .about(Some(PROMPT_VERSION.as_str()))
    })
}

fn invalid_id(text: &str) -> Refusal {
    let message = format!("{PROMPT_ID} is {:?}, it must be a UUID", shown(text));
    Refusal::new(StatusCode::BAD_REQUEST, "invalid_prompt_id", message)
        .about(Some(PROMPT_ID.as_str()))
}

fn unknown(header: &HeaderName, message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "prompt_not_found", message).about(Some(header.as_str()))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

impl From<Unfillable> for Refusal {
    fn from(unfillable: Unfillable) -> Self {
        let message = unfillable.to_string();
        match unfillable {
            Unfillable::Invalid(invalid) => invalid.into(),
            Unfillable::Missing(name) => {
                let param = format!("inputs.{name}");
                Self::new(StatusCode::BAD_REQUEST, "missing_prompt_variable", message)
                    .about(Some(&param))
            }
            Unfillable::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
            }
        }
    }
}
