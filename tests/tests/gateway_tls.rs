//! Providers are reached by TLS, in the HTTP version that they prefer, and only if they are who they say.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the test"
)]

use floopy_tests::{Api, Floopy, Settings, Shape, in_both_shapes, tls::TlsUpstream};
use http::{Method, Version};
use serde_json::{Value, json};

in_both_shapes!(
    providers_are_called_in_the_version_they_prefer,
    a_provider_with_an_untrusted_certificate_is_not_called,
);

fn call(stream: bool) -> Value {
    json!({"model": "up/alpha", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

async fn start(shape: Shape, upstream: &TlsUpstream, trusted: &TlsUpstream) -> Floopy {
    let settings = Settings::for_models("up", &upstream.base_url(), &["alpha".to_owned()]);
    let certificate = trusted.certificate().display().to_string();
    Floopy::with(shape, settings.environment("SSL_CERT_FILE", &certificate)).await
}

async fn post(api: &Api, stream: bool) -> (u16, String) {
    let sent = api
        .call(Method::POST, "/v1/chat/completions")
        .json(&call(stream));
    let got = sent.send().await;
    (got.status, got.text())
}

async fn providers_are_called_in_the_version_they_prefer(shape: Shape) {
    for (protocols, version) in [
        (&["http/1.1"][..], Version::HTTP_11),
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&[][..], Version::HTTP_11),
    ] {
        let upstream = TlsUpstream::start(protocols).await;
        let floopy = start(shape, &upstream, &upstream).await;
        let api = floopy.api();
        for stream in [false, true, false] {
            let (status, body) = post(&api, stream).await;
            assert_eq!(status, 200, "{protocols:?}: {body}");
            assert!(body.contains("sealed"), "{protocols:?}: {body}");
        }
        assert_eq!(upstream.versions(), [version; 3], "{protocols:?}");
    }
}

async fn a_provider_with_an_untrusted_certificate_is_not_called(shape: Shape) {
    let upstream = TlsUpstream::start(&["h2", "http/1.1"]).await;
    let another = TlsUpstream::start(&[]).await;
    let floopy = start(shape, &upstream, &another).await;
    let (status, body) = post(&floopy.api(), false).await;
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("upstream_unreachable"), "{body}");
    assert_eq!(upstream.versions(), []);
}
