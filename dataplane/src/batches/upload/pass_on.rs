//! A file on its way to a provider that takes files: one piece is in memory at a time.

use std::{io, sync::Arc};

use floopy_shared::domain::batch::BatchFile;
use futures::StreamExt;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    super::{
        names::new_name,
        remote::{Failed, Question, Sent, answer, segment},
    },
    named,
    parts::{Parts, read},
    sink::{CUT_OFF, Sink},
};
use crate::{gateway::Gateway, http::respond::Refusal, provider::Provider};

/// Pieces between the caller and the provider.
const AHEAD: usize = 4;

/// Passes a file on; what the provider made of it.
pub(super) async fn pass_on(
    gateway: &Arc<Gateway>,
    file: BatchFile,
    parts: Parts<'_>,
) -> Result<BatchFile, Refusal> {
    let provider = super::super::provider_of(gateway, (&file.tenant, &file.provider))?;
    let boundary = new_name("floopy-");
    let (out, sent) = mpsc::channel(AHEAD);
    let question = Question::post("files".to_owned(), Some(body(&boundary, sent)));
    let asking = answer(gateway, &provider, question);
    let reading = async {
        let mut sink = Sink::PassedOn {
            boundary: boundary.clone(),
            out: out.clone(),
        };
        let read = read(parts, &mut sink, file).await;
        let end = match &read {
            Ok(_) => Ok(format!("--{boundary}--\r\n").into()),
            // What has begun must not look whole.
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        };
        // Whoever does not listen any more has answered already.
        let _ = out.send(end).await;
        drop(sink);
        drop(out);
        read
    };
    let (read, answered) = futures::join!(reading, asking);
    let (file, taken) = match (read, answered) {
        (Ok(file), Ok(taken)) => (file, taken),
        (Err(refusal), Err(failed)) if refusal.code == CUT_OFF => {
            return Err(failed.refusal(provider.name()));
        }
        (Err(refusal), _) => return Err(refusal),
        (Ok(_), Err(failed)) => return Err(failed.refusal(provider.name())),
    };
    named_by(file, &taken).map_err(|failed| failed.refusal(provider.name()))
}

/// Deletes at the provider what it took in vain. Where that fails the file stays there, and nobody here knows it.
pub(super) async fn take_back(gateway: &Arc<Gateway>, provider: &Provider, id: &str) {
    let Ok(id) = segment(id) else {
        return;
    };
    let deleted = answer(gateway, provider, Question::delete(format!("files/{id}")));
    if let Err(failed) = deleted.await {
        let reason = failed.refusal(provider.name()).message;
        tracing::warn!(provider = provider.name(), %reason, "a file that was sent twice stays at the provider");
    }
}

fn body(boundary: &str, sent: mpsc::Receiver<io::Result<bytes::Bytes>>) -> Sent {
    let frames = ReceiverStream::new(sent).map(|piece| piece.map(Frame::data));
    Sent {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        length: None,
        body: StreamBody::new(frames).boxed_unsync(),
    }
}

fn named_by(file: BatchFile, taken: &[u8]) -> Result<BatchFile, Failed> {
    let object: Value = serde_json::from_slice(taken).unwrap_or_default();
    let id = object["id"].as_str().unwrap_or_default();
    let odd = |_| Failed::Refused {
        status: StatusCode::BAD_GATEWAY,
        message: "a file without an id".to_owned(),
        retry_after: None,
    };
    Ok(named(file, segment(id).map_err(odd)?))
}
