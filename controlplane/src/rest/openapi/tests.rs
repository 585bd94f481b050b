//! The document against its rules, and against the copy that is committed.

use std::{collections::HashSet, env, fs, path::PathBuf};

use serde_json::Value;

use super::{document, operators, operators_document, routes, to_text};

/// Set to write the committed document anew instead of comparing with it.
const BLESS: &str = "FLOOPY_BLESS";

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("operations");
        item.iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// Both documents, by the names of their files.
fn documents() -> [(&'static str, Value); 2] {
    [
        ("openapi.json", document(&routes())),
        ("openapi-operator.json", operators_document(&operators())),
    ]
}

#[test]
fn the_committed_document_is_what_the_routes_say() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (name, document) in documents() {
        let (path, now) = (docs.join(name), to_text(&document));
        if env::var_os(BLESS).is_some() {
            fs::write(&path, &now).expect("written");
        }
        let committed = fs::read_to_string(&path).expect(name);
        let lines = committed.lines().zip(now.lines());
        let differs = lines.enumerate().find(|(_, (old, new))| old != new);
        assert!(
            committed == now,
            "docs/{name} is not what the routes say, first at {differs:?}; run the test with {BLESS}=1 and commit it"
        );
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_words() {
    let mut ids = HashSet::new();
    for (_, document) in documents() {
        for (name, operation) in operations(&document) {
            let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
            assert!(
                ids.insert(text("operationId")),
                "{name}: {}",
                text("operationId")
            );
            assert!(!text("summary").is_empty(), "{name}");
            assert!(!text("description").is_empty(), "{name}");
            for parameter in operation["parameters"].as_array().expect("an array") {
                let has_words =
                    parameter["description"].is_string() || parameter["$ref"].is_string();
                assert!(has_words, "{name}: {parameter}");
            }
        }
    }
    assert!(ids.len() > 50, "{}", ids.len());
}

#[test]
fn the_public_document_names_nothing_that_no_proxy_serves_and_the_operators_nothing_else() {
    let [(_, public), (_, operators)] = documents();
    let of_operators = |(name, _): (String, _)| name.contains("/v1/operator");
    assert!(!operations(&public).any(of_operators));
    assert!(operations(&operators).all(of_operators));
}

#[test]
fn no_two_shapes_have_one_name() {
    for routes in [routes(), operators()] {
        assert_eq!(routes.schemas().conflicts(), [""; 0]);
    }
}
