//! Access tokens for a Google service account, renewed before they end.

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use floopy_protocols::google_jwt::{ServiceAccount, read_token, read_token_error};
use http::{HeaderValue, Method, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use tokio::sync::Semaphore;

use crate::upstream::{Client, ClientError, Failure};

/// A token is renewed this long before it ends, so that no call carries one that ends on its way.
const MARGIN_MS: u64 = 300_000;

/// Of a reply of the token endpoint: a token has about a thousand bytes.
const MAX_REPLY_BYTES: usize = 64 << 10;

/// A service account, and the token that it was given last.
pub(crate) struct Tokens {
    account: ServiceAccount,
    current: ArcSwapOption<Held>,
    /// One asks at a time; the others wait for what it is told, or go on with what is left.
    asking: Semaphore,
}

struct Held {
    header: HeaderValue,
    ends_ms: u64,
}

impl Tokens {
    pub(super) fn new(account: ServiceAccount) -> Self {
        Self {
            account,
            current: ArcSwapOption::empty(),
            asking: Semaphore::new(1),
        }
    }

    pub(super) fn project(&self) -> Option<&str> {
        self.account.project()
    }

    /// Where tokens are asked for.
    pub(super) fn uri(&self) -> Option<Uri> {
        self.account.token_uri().parse().ok()
    }

    /// What goes into the `authorization` header.
    pub(super) async fn current(
        &self,
        client: &Client,
        now_ms: u64,
    ) -> Result<HeaderValue, Failure> {
        if let Some(fresh) = self.held(now_ms + MARGIN_MS) {
            return Ok(fresh);
        }
        let permit = match (self.asking.try_acquire(), self.held(now_ms)) {
            (Ok(permit), _) => Ok(permit),
            // Somebody asks already, and what there is still holds.
            (Err(_), Some(held)) => return Ok(held),
            (Err(_), None) => self.asking.acquire().await,
        };
        if let Some(fresh) = self.held(now_ms + MARGIN_MS) {
            return Ok(fresh);
        }
        let asked = self.ask(client, now_ms).await;
        drop(permit);
        asked.or_else(|failure| self.held(now_ms).ok_or(failure))
    }

    /// The token, if it holds beyond this.
    fn held(&self, until_ms: u64) -> Option<HeaderValue> {
        let held = self.current.load();
        let held = held.as_ref().filter(|held| held.ends_ms > until_ms)?;
        Some(held.header.clone())
    }

    async fn ask(&self, client: &Client, now_ms: u64) -> Result<HeaderValue, Failure> {
        let refused = |why: String| Failure::Credentials(why);
        let form = self.account.token_request(now_ms / 1_000);
        let form = form.map_err(|e| refused(e.to_string()))?;
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self
            .account
            .token_uri()
            .parse()
            .map_err(|_| refused("token_uri is no address".to_owned()))?;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let response = client.request(request).await;
        let response = response.map_err(|error| match error {
            ClientError::Forbidden(forbidden) => Failure::Forbidden(Box::new(forbidden)),
            ClientError::NoHost(_) | ClientError::Connect(_) | ClientError::Broken(_) => {
                Failure::Connect
            }
        })?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|_| Failure::Reset)?.to_bytes();
        if !parts.status.is_success() {
            return Err(refused(
                read_token_error(parts.status.as_u16(), &body).message,
            ));
        }
        let token = read_token(&body).map_err(|e| refused(e.to_string()))?;
        let header = HeaderValue::try_from(format!("Bearer {}", token.access_token));
        let mut header = header.map_err(|_| refused("the token cannot be a header".to_owned()))?;
        header.set_sensitive(true);
        let held = Held {
            header: header.clone(),
            ends_ms: now_ms + token.expires_in_s * 1_000,
        };
        self.current.store(Some(held.into()));
        Ok(header)
    }
}
