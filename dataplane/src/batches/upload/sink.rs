//! Where the parts of an upload go: into the control plane's store, or on to the provider.

use bytes::{Bytes, BytesMut};
use floopy_shared::domain::ids::TenantId;
use http::StatusCode;
use tokio::sync::mpsc;

use super::super::{
    books::{Books, PIECE_BYTES},
    invalid,
};
use crate::http::respond::Refusal;

/// What a provider is sent, or that it is to get no more.
pub(super) type Outgoing = mpsc::Sender<std::io::Result<Bytes>>;

/// Where parts go.
pub(super) enum Sink<'a> {
    Kept {
        books: &'a Books,
        of: (&'a TenantId, &'a str),
        number: u32,
        rest: BytesMut,
    },
    PassedOn {
        boundary: String,
        out: Outgoing,
    },
}

/// The provider answered before it had everything: what it said counts.
pub(super) const CUT_OFF: &str = "cut_off";

fn cut_off() -> Refusal {
    let message = "the provider took no more of the file";
    Refusal::upstream(StatusCode::BAD_GATEWAY, CUT_OFF, message.to_owned())
}

/// A value within quotes of a header (RFC 7578, section 4.2, as browsers do it).
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace(['\r', '\n'], " ")
}

impl<'a> Sink<'a> {
    pub(super) fn kept(books: &'a Books, of: (&'a TenantId, &'a str)) -> Self {
        Self::Kept {
            books,
            of,
            number: 0,
            rest: BytesMut::new(),
        }
    }

    /// A part beside the file.
    pub(super) async fn field(&mut self, name: &str, text: &str) -> Result<(), Refusal> {
        match self {
            Self::Kept { .. } if name == "purpose" => Ok(()),
            Self::Kept { .. } => {
                let shown: String = name.chars().take(64).collect();
                let message = format!("{shown} cannot be kept with a file for this provider");
                Err(invalid(&shown, message))
            }
            Self::PassedOn { boundary, out } => {
                let head = format!(
                    "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{text}\r\n",
                    quoted(name)
                );
                send(out, head.into()).await
            }
        }
    }

    /// The file begins.
    pub(super) async fn begin(&mut self, filename: &str) -> Result<(), Refusal> {
        match self {
            Self::Kept { .. } => Ok(()),
            Self::PassedOn { boundary, out } => {
                let head = format!(
                    "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
                     content-type: application/jsonl\r\n\r\n",
                    quoted(filename)
                );
                send(out, head.into()).await
            }
        }
    }

    pub(super) async fn piece(&mut self, piece: Bytes) -> Result<(), Refusal> {
        match self {
            Self::Kept { rest, .. } => {
                rest.extend_from_slice(&piece);
                while self.has_whole_piece() {
                    self.keep(PIECE_BYTES).await?;
                }
                Ok(())
            }
            Self::PassedOn { out, .. } => send(out, piece).await,
        }
    }

    fn has_whole_piece(&self) -> bool {
        match self {
            Self::Kept { rest, .. } => rest.len() >= PIECE_BYTES,
            Self::PassedOn { .. } => false,
        }
    }

    async fn keep(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Self::Kept {
            books,
            of,
            number,
            rest,
        } = self
        else {
            return Ok(());
        };
        let piece = rest.split_to(bytes).freeze();
        books.keep(*of, (*number, piece)).await?;
        *number += 1;
        Ok(())
    }

    /// The file ends.
    pub(super) async fn end(&mut self) -> Result<(), Refusal> {
        let left = match self {
            Self::Kept { rest, .. } => rest.len(),
            Self::PassedOn { out, .. } => return send(out, Bytes::from_static(b"\r\n")).await,
        };
        if left == 0 {
            return Ok(());
        }
        self.keep(left).await
    }
}

async fn send(out: &Outgoing, bytes: Bytes) -> Result<(), Refusal> {
    out.send(Ok(bytes)).await.map_err(|_| cut_off())
}
