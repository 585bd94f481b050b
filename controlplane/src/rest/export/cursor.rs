//! Where an export was cut off, sealed for the caller: the place among the rows, and the hash to go on from.

use floopy_shared::domain::ids::RequestId;
use uuid::Uuid;

use super::{
    super::{
        Api,
        error::{ApiError, brief},
    },
    query::ExportQuery,
};
use crate::store::{export::Place, list::Position};

/// What begins the bytes of each kind of place.
const SETTLED: u8 = 0;
const ARRIVED: u8 = 1;

/// From where an export goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) place: Place,
    /// Of the last row; `None`: there was none.
    pub(super) last_sha256: Option<[u8; 32]>,
}

impl Resume {
    /// From a place, without a row before it.
    pub(super) fn at(place: Place) -> Self {
        Self {
            place,
            last_sha256: None,
        }
    }

    /// The cursor, valid for this query of this tenant only.
    pub(super) fn seal(&self, api: &Api, query: &ExportQuery) -> String {
        let key = &api.cursor_key;
        key.seal_bytes(&query.span.tenant, &query.fingerprint, self.bytes())
    }

    /// Reads a cursor.
    pub(super) fn open(api: &Api, query: &ExportQuery, cursor: &str) -> Result<Self, ApiError> {
        let key = &api.cursor_key;
        let bytes = key.open_bytes(&query.span.tenant, &query.fingerprint, cursor);
        let read = bytes.and_then(|bytes| Self::read(&bytes));
        read.ok_or_else(|| {
            let cursor = brief(cursor);
            let message = format!("cursor {cursor:?} is not one of this query");
            ApiError::invalid_query("cursor", message)
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + 8 + 24 + 32);
        let (kind, number, position) = match self.place {
            Place::Settled { newest, after } => (SETTLED, newest, after),
            Place::Arrived { after } => (ARRIVED, after, None),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_be_bytes());
        if let Some(position) = position {
            bytes.extend_from_slice(&position.created_ms.to_be_bytes());
            bytes.extend_from_slice(position.request.0.as_bytes());
        }
        bytes.extend_from_slice(self.last_sha256.as_ref().map_or(&[], |hash| hash));
        bytes
    }

    /// A position has 24 bytes and a hash 32, so that the length tells which of them are there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let number = i64::from_be_bytes(*number);
        let (position, hash) = rest.split_at_checked(if rest.len() % 32 == 24 { 24 } else { 0 })?;
        let place = match *kind {
            SETTLED => Place::Settled {
                newest: number,
                after: read_position(position),
            },
            ARRIVED => Place::Arrived { after: number },
            _ => return None,
        };
        let last_sha256 = match hash {
            [] => None,
            hash => Some(hash.try_into().ok()?),
        };
        Some(Self { place, last_sha256 })
    }
}

fn read_position(bytes: &[u8]) -> Option<Position> {
    let (time, id) = bytes.split_first_chunk::<8>()?;
    Some(Position {
        created_ms: u64::from_be_bytes(*time),
        request: RequestId(Uuid::from_slice(id).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::request;

    #[test]
    fn every_place_comes_back_as_it_was() {
        let after = Some(Position {
            created_ms: 12,
            request: request(3),
        });
        for place in [
            Place::Settled { newest: 7, after },
            Place::Settled {
                newest: 7,
                after: None,
            },
            Place::Arrived { after: 9 },
        ] {
            for last_sha256 in [None, Some([5; 32])] {
                let resume = Resume { place, last_sha256 };
                assert_eq!(Resume::read(&resume.bytes()), Some(resume));
            }
        }
        for wrong in [&[][..], &[0; 8], &[2; 9], &[0; 20]] {
            assert_eq!(Resume::read(wrong), None, "{wrong:?}");
        }
    }
}
