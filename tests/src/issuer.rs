//! Somebody who vouches for people by OpenID Connect: discovery, an authorization code with PKCE, signed ID tokens.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use floopy_shared::process::clock::Clock;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use ring::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// What the dashboard is known as, and proves that with.
pub const CLIENT: (&str, &str) = ("floopy dashboard", "a secret: 100% of it");

/// A running issuer that knows one person, who is always signed in there.
#[derive(Debug)]
pub struct Issuer {
    addr: SocketAddr,
    known: Arc<Known>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Known {
    place: String,
    pair: EcdsaKeyPair,
    /// Signs in its name, and is not told of.
    other: EcdsaKeyPair,
    is_forged: Mutex<bool>,
    claims: Mutex<Value>,
    codes: Mutex<HashMap<String, Fields>>,
}

type Fields = HashMap<String, String>;

impl Issuer {
    /// Starts it; it vouches for this verified address.
    pub async fn start(email: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let addr = listener.local_addr().expect("an address");
        let known = Arc::new(Known {
            place: format!("http://{addr}"),
            pair: pair(),
            other: pair(),
            is_forged: Mutex::new(false),
            claims: Mutex::new(json!({"sub": "1", "email": email, "email_verified": true})),
            codes: Mutex::default(),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&known)));
        Self {
            addr,
            known,
            _server: AbortOnDropHandle::new(serving),
        }
    }

    /// What it calls itself.
    pub fn place(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Says something else in every token from now on.
    pub fn claims(&self, name: &str, value: Value) {
        self.known.claims.lock().expect("whole")[name] = value;
    }

    /// Has its tokens signed by somebody else from now on.
    pub fn forge(&self) {
        *self.known.is_forged.lock().expect("whole") = true;
    }
}

fn pair() -> EcdsaKeyPair {
    let (form, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(form, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(form, pkcs8.as_ref(), &random).expect("a key")
}

async fn accept(listener: TcpListener, known: Arc<Known>) {
    while let Ok((socket, _)) = listener.accept().await {
        let known = Arc::clone(&known);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&known, request));
            // A client that goes away is none of the server's business.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn answer(
    known: &Known,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    let said = match parts.uri.path() {
        "/.well-known/openid-configuration" => Ok(known.described()),
        "/keys" => Ok(known.keys()),
        "/authorize" => return Ok(known.authorize(fields(parts.uri.query().unwrap_or_default()))),
        "/token" => {
            let shown = parts.headers.get(header::AUTHORIZATION);
            let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or("");
            known.token(shown, &fields(&body))
        }
        other => Err(format!("there is nothing at {other}")),
    };
    let (status, body) = match said {
        Ok(body) => (StatusCode::OK, body),
        Err(why) => (StatusCode::BAD_REQUEST, json!({"error": why})),
    };
    let response = Response::builder().status(status);
    let response = response.header(header::CONTENT_TYPE, "application/json");
    Ok(response.body(Full::from(body.to_string())).expect("valid"))
}

fn fields(text: &str) -> Fields {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let read = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    pairs
        .map(|(name, value)| (read(name), read(value)))
        .collect()
}

impl Known {
    fn described(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.place);
        json!({"issuer": self.place, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"), "id_token_signing_alg_values_supported": ["ES256"]})
    }

    fn keys(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}]})
    }

    /// Sends the person back with a code.
    fn authorize(&self, asked: Fields) -> Response<Full<Bytes>> {
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        assert_eq!(of("response_type"), "code");
        assert_eq!(of("client_id"), CLIENT.0);
        assert_eq!(of("code_challenge_method"), "S256");
        assert!(of("scope").split(' ').any(|scope| scope == "openid"));
        let code = Uuid::new_v4().to_string();
        let place = format!("{}?code={code}&state={}", of("redirect_uri"), of("state"));
        self.codes.lock().expect("whole").insert(code, asked);
        let response = Response::builder().status(StatusCode::FOUND);
        let response = response.header(header::LOCATION, place);
        response.body(Full::default()).expect("valid")
    }

    /// An ID token for a code, once.
    fn token(&self, shown: &str, given: &Fields) -> Result<Value, String> {
        let of = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
        if shown != format!("Basic {}", STANDARD.encode(credentials())) {
            return Err(format!("{shown:?} is not who it is for"));
        }
        let asked = self.codes.lock().expect("whole").remove(of("code"));
        let asked = asked.ok_or("there is no such code")?;
        let challenge = digest::digest(&digest::SHA256, of("code_verifier").as_bytes());
        if asked["code_challenge"] != URL_SAFE_NO_PAD.encode(challenge) {
            return Err("the verifier is another one".to_owned());
        }
        if asked["redirect_uri"] != of("redirect_uri") {
            return Err("the address to go back to is another one".to_owned());
        }
        let now_s = Clock::system().now_ms() / 1_000;
        let mut claims = json!({"iss": self.place, "aud": CLIENT.0, "iat": now_s, "exp": now_s + 300,
            "nonce": asked["nonce"]});
        let own = self.claims.lock().expect("whole").clone();
        for (name, value) in own.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        Ok(
            json!({"access_token": "none", "token_type": "Bearer", "id_token": self.signed(&claims)}),
        )
    }

    fn signed(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "ES256", "kid": "1"});
        let text = format!("{}.{}", part(&header), part(claims));
        let is_forged = *self.is_forged.lock().expect("whole");
        let pair = if is_forged { &self.other } else { &self.pair };
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("signed"));
        format!("{text}.{signature}")
    }
}

/// As RFC 6749, 2.3.1 has them: each escaped, then joined.
fn credentials() -> String {
    let escaped = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    format!("{}:{}", escaped(CLIENT.0), escaped(CLIENT.1))
}
