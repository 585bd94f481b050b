//! Documents as data: as a URL or as base64 alone.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_protocols::{CallerApi, ProviderApi, Target};

/// The body for a provider, of a document that a caller of chat completions sends.
fn written(file: &str, api: ProviderApi, provider: &str) -> String {
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"file","file":{file}}}]}}]}}"#
    );
    let request = CallerApi::Chat
        .read_request(body.as_bytes())
        .expect("valid");
    let target = Target {
        provider,
        model: "claude-opus-4-5",
    };
    let written = api.write_request(&request, target).expect("writable");
    String::from_utf8(written.body).expect("UTF-8")
}

#[test]
fn base64_alone_is_data_of_the_type_that_its_name_tells() {
    let file = r#"{"filename":"a.PDF","file_data":"JVBERi0="}"#;
    let anthropic = written(file, ProviderApi::Messages, "anthropic");
    let source = r#""source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}"#;
    assert!(anthropic.contains(source), "{anthropic}");
    let openai = written(file, ProviderApi::Chat, "openai");
    let data = r#""file_data":"data:application/pdf;base64,JVBERi0=""#;
    assert!(openai.contains(data), "{openai}");
}

#[test]
fn base64_of_an_unknown_type_stays_as_it_is() {
    let file = r#"{"filename":"notes","file_data":"JVBERi0="}"#;
    let openai = written(file, ProviderApi::Chat, "openai");
    assert!(openai.contains(r#""file_data":"JVBERi0=""#), "{openai}");
}

#[test]
fn a_media_type_that_is_none_is_refused() {
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png,x","data":"AA=="}}]}]}"#;
    let error = CallerApi::Messages.read_request(body.as_bytes());
    let expected = "messages[0].content[0].source.media_type is \"image/png,x\", it must be a media type like image/png";
    assert_eq!(error.expect_err("refused").to_string(), expected);
}
