//! Reading a request's body within its size and its time.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::{
    deadline,
    doors::{Passage, Shed},
    whole::{Unfinished, whole},
};

/// Room is made for a body of unknown length in steps of this.
const STEP_BYTES: usize = 64 << 10;

/// Most that is thrown away of a body that is too large, and for how long.
const DISCARDED_BYTES: usize = 32 << 20;
const DISCARD_FOR: Duration = Duration::from_secs(2);

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the body broke off")]
    Broken,
    #[error(transparent)]
    Shed(#[from] Shed),
}

/// The whole body; there is room for it before it is read.
pub(crate) async fn read<B>(
    mut body: B,
    limit: usize,
    within: Duration,
    passage: &mut Passage,
) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
{
    let size = body.size_hint();
    let announced = usize::try_from(size.lower()).unwrap_or(usize::MAX);
    if announced > limit {
        discard(body).await;
        return Err(Unread::TooLarge(limit));
    }
    passage.hold(announced)?;
    let read = async {
        match size.exact() {
            Some(_) => whole(&mut body, limit)
                .await
                .map_err(|unfinished| match unfinished {
                    Unfinished::TooLong => Unread::TooLarge(limit),
                    Unfinished::Broken => Unread::Broken,
                }),
            None => grow(&mut body, limit, passage).await,
        }
    };
    let read = deadline::by(Instant::now() + within, read).await;
    let read = read.map_err(|_| Unread::TimedOut(within))?;
    if read == Err(Unread::TooLarge(limit)) {
        discard(body).await;
    }
    read
}

/// Throws away the rest of a body: a connection that is closed while its client still sends is reset, and the client
/// never reads why.
pub(crate) async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let all = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > DISCARDED_BYTES {
                return;
            }
        }
    };
    // Whoever takes longer is not waited for.
    let _ = timeout(DISCARD_FOR, all).await;
}

/// A body that does not say how long it is.
async fn grow<B>(body: &mut B, limit: usize, passage: &mut Passage) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        let length = read.len() + data.len();
        if length > limit {
            return Err(Unread::TooLarge(limit));
        }
        passage.hold(length.next_multiple_of(STEP_BYTES))?;
        read.extend_from_slice(&data);
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;
    use crate::{config::Limits, doors::Doors};

    fn passage(body_bytes_in_flight: usize) -> Passage {
        let limits = Limits {
            body_bytes_in_flight,
            ..Limits::default()
        };
        let doors = Arc::new(Doors::new(&limits, Gauge::default()));
        doors.enter().expect("room")
    }

    #[tokio::test]
    async fn bodies_over_the_limit_are_refused() {
        let body = || Full::new(Bytes::from_static(b"12345"));
        let mut passage = passage(1_000);
        let second = Duration::from_secs(1);
        assert_eq!(
            read(body(), 5, second, &mut passage).await,
            Ok(Bytes::from_static(b"12345"))
        );
        assert_eq!(
            read(body(), 4, second, &mut passage).await,
            Err(Unread::TooLarge(4))
        );
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_refused_where_the_room_for_bodies_does() {
        let piece = || Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 1_000])));
        let endless = StreamBody::new(tokio_stream::iter(std::iter::repeat_with(piece)));
        let mut passage = passage(200 << 10);
        let refused = read(endless, 1 << 30, Duration::from_secs(9), &mut passage).await;
        let held = 192 << 10;
        assert_eq!(refused, Err(Unread::Shed(Shed::BytesFull(held))));
    }
}
