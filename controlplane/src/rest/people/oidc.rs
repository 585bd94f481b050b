//! `/dashboard/oidc`: signing in by somebody who vouches for people (OpenID Connect, an authorization code with PKCE).
//!
//! What a sign-in began with is in a cookie of the browser, so any control plane can finish what another one began. The
//! browser comes back from elsewhere, where its cookie for this site may not be sent: so it is shown a page that goes
//! on from here.

mod issuer;
mod token;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::{
    issuer::{Exchange, Issuer, form},
    token::{Expected, InvalidToken},
};
use super::{MAX_PEOPLE, describe, read_email, sign_in};
use crate::{
    config::dashboard::Oidc as Config,
    rest::{Api, dashboard::guarded, error::ApiError},
    role::Role,
    store::{
        StoreError, Tx, audit,
        audit::{Action, Change},
        meta,
        people::{self, Account, Person},
    },
};

const COOKIE: &str = "floopy_oidc";
const PLACE: &str = "/dashboard/oidc";
/// How long somebody may take at the issuer.
const BEGUN_S: u64 = 600;
/// Sign-ins that ask the issuer at a time; others are told to try again.
const AT_A_TIME: usize = 8;

/// Who vouches for people.
#[derive(Debug)]
pub(super) struct Oidc {
    issuer: Issuer,
    turns: Semaphore,
}

/// Why somebody did not get in. They are told the code; the operator's log has the rest.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("too many sign-ins ask the issuer at once")]
    Busy,
    #[error("it was begun in another browser, or too long ago")]
    Stale,
    #[error("the issuer refused it: {0}")]
    Denied(String),
    #[error("the issuer could not be asked: {0}")]
    Issuer(String),
    #[error("its ID token {0}")]
    Token(#[from] InvalidToken),
    #[error("nobody has this address, and nobody new is taken in")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Stale => "stale",
            Self::Denied(_) => "denied",
            Self::Issuer(_) | Self::Store(_) => "failed",
            Self::Token(InvalidToken::Email) => "unverified",
            Self::Token(_) => "token",
            Self::Unknown => "unknown",
        }
    }
}

/// What a sign-in began with.
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
}

impl Begun {
    fn new() -> Result<Self, StoreError> {
        let word = || {
            let mut secret = [0; 32];
            meta::random(&mut secret)?;
            Ok::<_, StoreError>(hex::encode(secret))
        };
        Ok(Self {
            state: word()?,
            nonce: word()?,
            verifier: word()?,
        })
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut words = sign_in::named(headers, COOKIE)?
            .split('.')
            .map(str::to_owned);
        Some(Self {
            state: words.next()?,
            nonce: words.next()?,
            verifier: words.next()?,
        })
    }
}

impl Oidc {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            issuer: Issuer::new(config.clone()),
            turns: Semaphore::new(AT_A_TIME),
        }
    }

    /// Who people are sent to, as they know it.
    pub(super) fn host(&self) -> String {
        let uri: Option<http::Uri> = self.config().issuer.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host);
        host.unwrap_or_default().to_owned()
    }

    fn config(&self) -> &Config {
        self.issuer.config()
    }

    fn redirect_uri(&self) -> String {
        let url = self.config().url.trim_end_matches('/');
        format!("{url}{PLACE}/callback")
    }

    fn cookie(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let is_https = self.config().url.starts_with("https://");
        let secure = if is_https { "; Secure" } else { "" };
        let text = format!(
            "{COOKIE}={value}; Path={PLACE}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
        );
        HeaderValue::from_str(&text).ok()
    }

    /// Where somebody signs in, and what is remembered of it until they are back.
    async fn begin(&self, now_ms: u64) -> Result<(String, Begun), Refused> {
        let _turn = self.turns.try_acquire().map_err(|_| Refused::Busy)?;
        let known = self.issuer.known(now_ms).await.map_err(Refused::Issuer)?;
        let begun = Begun::new()?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier));
        let redirect_uri = self.redirect_uri();
        let asked = form(&[
            ("response_type", "code"),
            ("client_id", &self.config().client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid email"),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let place = &known.described.authorization_endpoint;
        let mark = if place.contains('?') { '&' } else { '?' };
        Ok((format!("{place}{mark}{asked}"), begun))
    }

    /// The verified address of whoever came back with these pairs.
    async fn email(
        &self,
        pairs: &[(String, String)],
        begun: Option<&Begun>,
        now_ms: u64,
    ) -> Result<String, Refused> {
        let said = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let begun = begun.filter(|begun| said("state") == Some(&begun.state));
        let begun = begun.ok_or(Refused::Stale)?;
        if let Some(error) = said("error") {
            return Err(Refused::Denied(error.chars().take(64).collect()));
        }
        let code = said("code").ok_or(Refused::Stale)?;
        let _turn = self.turns.try_acquire().map_err(|_| Refused::Busy)?;
        let known = self.issuer.known(now_ms).await.map_err(Refused::Issuer)?;
        let with = Exchange {
            code,
            verifier: &begun.verifier,
            redirect_uri: &self.redirect_uri(),
        };
        let token = self.issuer.exchange(&known.described, with).await;
        let token = token.map_err(Refused::Issuer)?;
        let expected = Expected {
            issuer: &self.config().issuer,
            client_id: &self.config().client_id,
            nonce: &begun.nonce,
            now_ms,
        };
        match token::email(&token, &known.keys, expected) {
            Err(InvalidToken::Key) => {
                let known = self.issuer.known_anew(now_ms).await;
                let known = known.map_err(Refused::Issuer)?;
                Ok(token::email(&token, &known.keys, expected)?)
            }
            found => Ok(found?),
        }
    }

    /// Whose address it is; somebody new is taken in where the configuration says so.
    async fn person(&self, tx: &mut Tx, email: &str, now_ms: u64) -> Result<Person, Refused> {
        let config = self.config();
        let email = read_email(email).map_err(|_| InvalidToken::Email)?;
        let domain = email.rsplit('@').next().unwrap_or_default();
        let is_ours = |ours: &String| ours.eq_ignore_ascii_case(domain);
        if !config.domains.is_empty() && !config.domains.iter().any(is_ours) {
            return Err(Refused::Unknown);
        }
        let tenant = floopy_shared::domain::ids::TenantId::new(&config.tenant);
        let tenant = tenant.map_err(|e| StoreError::corrupt("tenant", e))?;
        let known = people::list(tx, &tenant).await?;
        if let Some(person) = known.iter().find(|person| person.email == email) {
            return Ok(person.clone());
        }
        let role = config.role_of_new().filter(|_| known.len() < MAX_PEOPLE);
        let role = role.ok_or(Refused::Unknown)?;
        let person = Person {
            id: format!("user_{}", Uuid::new_v4().simple()),
            tenant,
            email,
            role,
            created_ms: now_ms,
        };
        take_in(tx, &person, now_ms).await?;
        Ok(person)
    }
}

/// Keeps somebody who has no password, and writes it down.
async fn take_in(tx: &mut Tx, person: &Person, now_ms: u64) -> Result<(), StoreError> {
    let account = Account {
        person: person.clone(),
        // No password hashes to nothing, so none fits.
        password: String::new(),
    };
    people::put(tx, &account).await?;
    let after = describe(person).to_string();
    let change = Change {
        tenant: Some(&person.tenant),
        at_ms: now_ms,
        actor: &format!("user:{}", person.id),
        role: Role::as_str(person.role),
        action: Action::Create,
        resource: &format!("user/{}", person.id),
        before: None,
        after: Some(&after),
        request_id: "",
    };
    audit::add(tx, &change).await
}

/// Sends somebody to the issuer.
pub(in crate::rest) async fn begin(State(api): State<Api>) -> Result<Response, ApiError> {
    let oidc = configured(&api)?;
    match oidc.begin(api.clock.now_ms()).await {
        Ok((place, begun)) => {
            let words = format!("{}.{}.{}", begun.state, begun.nonce, begun.verifier);
            let place = HeaderValue::from_str(&place).map_err(|_| ApiError::internal())?;
            let mut response =
                guarded((StatusCode::FOUND, [(header::LOCATION, place)]).into_response());
            response.headers_mut().extend(
                oidc.cookie(&words, BEGUN_S)
                    .map(|set| (header::SET_COOKIE, set)),
            );
            Ok(response)
        }
        Err(refused) => Ok(turned_away(oidc, &refused)),
    }
}

/// Signs in whoever comes back from there.
pub(in crate::rest) async fn finish(
    State(api): State<Api>,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let oidc = configured(&api)?;
    let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
    match enter(&api, oidc, (&pairs, &headers)).await {
        Ok(set) => {
            let mut response = page("/");
            let cookies = [Some(set), oidc.cookie("", 0)];
            for set in cookies.into_iter().flatten() {
                response.headers_mut().append(header::SET_COOKIE, set);
            }
            Ok(response)
        }
        Err(refused) => Ok(turned_away(oidc, &refused)),
    }
}

async fn enter(
    api: &Api,
    oidc: &Oidc,
    (pairs, headers): (&[(String, String)], &HeaderMap),
) -> Result<HeaderValue, Refused> {
    let now_ms = api.clock.now_ms();
    let email = oidc
        .email(pairs, Begun::of(headers).as_ref(), now_ms)
        .await?;
    let mut tx = api.store.write().await?;
    let person = oidc.person(&mut tx, &email, now_ms).await?;
    let is_https = oidc.config().url.starts_with("https://");
    let set = sign_in::remember(&mut tx, &person, (now_ms, is_https)).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(tenant = %person.tenant, person = %person.id, "signed in by OpenID Connect");
    Ok(set)
}

fn configured(api: &Api) -> Result<&Oidc, ApiError> {
    let oidc = api.people.oidc.as_ref();
    oidc.ok_or_else(|| ApiError::not_found("there is nothing at this path"))
}

fn turned_away(oidc: &Oidc, refused: &Refused) -> Response {
    let issuer = &oidc.config().issuer;
    tracing::warn!(%issuer, reason = %refused, "a sign-in by OpenID Connect failed");
    let mut response = page(&format!("/?refused={}", refused.code()));
    let gone = oidc.cookie("", 0).map(|set| (header::SET_COOKIE, set));
    response.headers_mut().extend(gone);
    response
}

/// A page of ours that goes on to another one.
fn page(place: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Floopy</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={place}\"><p><a href=\"{place}\">Go on</a></p></html>"
    );
    let form = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    guarded((form, text).into_response())
}
