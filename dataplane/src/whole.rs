//! A body in one piece.

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Longer than its limit.
    TooLong,
    /// It broke off.
    Broken,
}

/// Reads a body of at most `limit` bytes. What comes in one piece, as nearly everything does, is not copied.
pub(crate) async fn whole<B>(mut body: B, limit: usize) -> Result<Bytes, Unfinished>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Unfinished::TooLong);
    }
    let mut first = Bytes::new();
    let mut all = Vec::new();
    while !body.is_end_stream()
        && let Some(frame) = body.frame().await
    {
        let Ok(piece) = frame.map_err(|_| Unfinished::Broken)?.into_data() else {
            continue;
        };
        if first.len().max(all.len()).saturating_add(piece.len()) > limit {
            return Err(Unfinished::TooLong);
        }
        if first.is_empty() && all.is_empty() {
            first = piece;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.max(first.len() + piece.len()));
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&piece);
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

#[cfg(test)]
mod tests {
    use std::io;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use proptest::prelude::*;

    use super::*;

    fn pieces(
        pieces: Vec<io::Result<Vec<u8>>>,
    ) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
        let frame = |piece: io::Result<Vec<u8>>| piece.map(|piece| Frame::data(piece.into()));
        StreamBody::new(tokio_stream::iter(pieces.into_iter().map(frame)))
    }

    #[tokio::test]
    async fn what_is_announced_as_too_long_is_not_read_and_what_breaks_is_no_body() {
        let body = Full::new(Bytes::from_static(b"12345"));
        assert_eq!(whole(body.clone(), 4).await, Err(Unfinished::TooLong));
        assert_eq!(whole(body, 5).await, Ok(Bytes::from_static(b"12345")));
        assert_eq!(whole(Full::new(Bytes::new()), 0).await, Ok(Bytes::new()));
        let broken = pieces(vec![Ok(vec![1]), Err(io::ErrorKind::BrokenPipe.into())]);
        assert_eq!(whole(broken, 9).await, Err(Unfinished::Broken));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_it_is_the_same_and_within_its_limit(
            cut in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9),
            limit in 0usize..40,
        ) {
            let all = cut.concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let read = runtime.block_on(whole(pieces(cut.into_iter().map(Ok).collect()), limit));
            let expected = if all.len() > limit { Err(Unfinished::TooLong) } else { Ok(Bytes::from(all)) };
            prop_assert_eq!(read, expected);
        }
    }
}
