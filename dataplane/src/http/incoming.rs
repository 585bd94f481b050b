//! Reading a request's body within its size and its time.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the body broke off")]
    Broken,
}

/// The whole body.
pub(crate) async fn read<B>(body: B, limit: usize, deadline: Duration) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(Unread::TooLarge(limit));
    }
    match timeout(deadline, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Unread::TimedOut(deadline)),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge(limit)),
        Ok(Err(_)) => Err(Unread::Broken),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn bodies_over_the_limit_are_refused() {
        let body = || Full::new(Bytes::from_static(b"12345"));
        assert_eq!(
            read(body(), 5, Duration::from_secs(1)).await,
            Ok(Bytes::from_static(b"12345"))
        );
        assert_eq!(
            read(body(), 4, Duration::from_secs(1)).await,
            Err(Unread::TooLarge(4))
        );
    }
}
