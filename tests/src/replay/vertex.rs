//! What only Vertex AI has: projects and regions in addresses, and tokens for service accounts
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use http::request::Parts;
use serde_json::{Value, json};

use super::Answer;

pub(super) const TOKEN: &str = "ya29.of-the-test";
pub(super) const TOKEN_PATH: &str = "/token";
const PROJECT: &str = "floopy-test";
const REGION: &str = "europe-west4";

/// A publisher's two methods, and whether each is a stream.
pub(super) fn paths(
    (publisher, whole, stream): (&str, &str, &str),
    model: &str,
) -> Vec<(String, Option<bool>)> {
    let model =
        format!("/v1/projects/{PROJECT}/locations/{REGION}/publishers/{publisher}/models/{model}");
    vec![
        (format!("{model}:{whole}"), Some(false)),
        (format!("{model}:{stream}"), Some(true)),
    ]
}

/// A service account whose tokens this server gives. The project is the account's.
pub(super) fn credentials(addr: SocketAddr, folder: &Path) -> String {
    let protocols = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../protocols");
    let account = protocols.join("tests/fixtures/google_service_account_test_only.json");
    let account = fs::read(account).expect("an account");
    let mut account: Value = serde_json::from_slice(&account).expect("JSON");
    account["token_uri"] = json!(format!("http://{addr}{TOKEN_PATH}"));
    account["project_id"] = json!(PROJECT);
    let file = folder.join("account.json");
    fs::write(&file, account.to_string()).expect("written");
    format!("region = \"{REGION}\"\nservice_account_file = {file:?}")
}

/// A token for an assertion that says who signs it, for how long and for whom.
pub(super) fn token(parts: &Parts, body: &[u8]) -> Result<Answer, String> {
    let kind = parts.headers.get("content-type");
    if kind.is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
        return Err(format!("a token is asked for with {kind:?}"));
    }
    let body = std::str::from_utf8(body).map_err(|e| e.to_string())?;
    let body = body.replace("%3A", ":").replace("%2D", "-");
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=";
    let assertion = body.strip_prefix(grant);
    let assertion = assertion.ok_or_else(|| format!("a token is asked for by {body}"))?;
    if assertion.split('.').filter(|part| part.len() > 10).count() != 3 {
        return Err(format!("the assertion is {assertion}"));
    }
    Ok(Answer::json(&json!({
        "access_token": TOKEN, "expires_in": 3_599, "token_type": "Bearer",
    })))
}
