//! The providers that speak dialects of chat completions, all at one address: a row of a table says how each of them
//! differs, and a server refuses what a row does not have.

mod read;
mod rows;
mod write;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use http::{Method, Response, request::Parts};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use self::rows::{Images, ROWS, Row, UsageIn};
use super::super::{
    Answer, KEY,
    serve::{Body, accept, cut, refusal},
};
use crate::Settings;

/// The only model, the same for all.
const MODEL: &str = "played";

/// All of them, running; they stop when dropped.
#[derive(Debug)]
pub struct Dialects {
    addr: SocketAddr,
    refused: Arc<Mutex<Vec<String>>>,
    _server: AbortOnDropHandle<()>,
}

impl Dialects {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let refused = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&refused);
        let server = tokio::spawn(accept(
            listener,
            Arc::new(move |parts: &Parts, body: &[u8]| respond(parts, body, &told)),
        ));
        Self {
            addr,
            refused,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// A system with each of them as a provider.
    pub fn settings(&self) -> Settings {
        let url = |row: &Row| format!("http://{}/{}{}", self.addr, row.name, row.base_path);
        let [first, others @ ..] = &ROWS;
        let settings = Settings::for_models(first.name, &url(first), &[MODEL.to_owned()]);
        others
            .iter()
            .fold(settings, |all, row| all.provider(row.name, &url(row)))
    }

    /// Why calls were refused, in their order, each with its provider before it.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("not poisoned").clone()
    }

    /// How many they are.
    pub fn count() -> usize {
        ROWS.len()
    }

    /// What a client should expect of each, for the scripts.
    pub fn facts() -> String {
        let facts = ROWS.iter().map(|row| {
            json!({
                "name": row.name,
                "model": format!("{}/{MODEL}", row.name),
                "limit": row.limit(),
                "tools": row.has("tools"),
                "choices": row.choices,
                "schema": row.formats.contains(&"json_schema"),
                "effort": row.efforts.contains(&"low"),
                "thought": row.thought,
                "thinks_unasked": row.thinks_unasked,
                "images": match row.images {
                    Images::No => "none",
                    Images::Data => "data",
                    Images::Any => "any",
                },
                "asks_for_usage": row.usage == UsageIn::Asked,
                "tells_usage_often": row.usage == UsageIn::Every,
                "cached": row.cached != rows::Cached::No,
                "status": row.refusal.0,
            })
        });
        Value::Array(facts.collect()).to_string()
    }
}

fn respond(parts: &Parts, body: &[u8], refused: &Mutex<Vec<String>>) -> Response<Body> {
    let path = parts.uri.path_and_query();
    let path = path.map_or("", |path| path.as_str());
    let name = path.split('/').nth(1).unwrap_or_default();
    let say = |name: &str, why: &str| {
        let said = format!("{name}: {why} in {}", String::from_utf8_lossy(body));
        refused.lock().expect("not poisoned").push(said);
    };
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        say(name, "nobody is there");
        return refusal(404, &json!({"error": "not found"}));
    };
    let asked = head(row, parts, path).and_then(|()| read::read(row, body));
    match asked {
        Ok(asked) if asked.stream == Some(true) => cut(Answer::events(write::stream(row, &asked))),
        Ok(asked) => cut(Answer::json(&write::whole(row, &asked))),
        Err(why) => {
            say(name, &why);
            refusal(row.refusal.0, &row.error(&why))
        }
    }
}

/// Where it goes, who sends it, and what it says that it is.
fn head(row: &Row, parts: &Parts, path: &str) -> Result<(), String> {
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let expected = format!("/{}{}/chat/completions", row.name, row.base_path);
    if parts.method != Method::POST || path != expected {
        return Err(format!("{} {path} is not POST {expected}", parts.method));
    }
    if header("content-type") != Some("application/json") {
        return Err(format!("content-type is {:?}", header("content-type")));
    }
    if header("authorization") != Some(&format!("Bearer {KEY}")) {
        return Err(format!("authorization is {:?}", header("authorization")));
    }
    match ["x-api-key", "api-key"]
        .into_iter()
        .find(|n| header(n).is_some())
    {
        Some(other) => Err(format!("{other} is there, whose value is not for it")),
        None => Ok(()),
    }
}
