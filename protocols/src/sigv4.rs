//! AWS Signature Version 4: who asks, proved by headers
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};
pub use time::OffsetDateTime as Time;
use time::UtcOffset;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Of credentials that end, such as those of a role.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.access_key_id)
    }
}

/// Where the signature counts.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub region: &'a str,
    /// Bedrock's runtime is `bedrock`.
    pub service: &'a str,
}

/// What is signed, as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    pub method: &'a str,
    /// Percent-encoded.
    pub path: &'a str,
    /// What stands behind the `?`; percent-encoded.
    pub query: &'a str,
    /// All of these are signed: `host`, which must be one, and such as no proxy on the way changes.
    pub headers: &'a [(&'a str, &'a str)],
    /// By [`payload_sha256`].
    pub payload_sha256: &'a str,
}

/// What goes with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub authorization: String,
    pub amz_date: String,
    pub security_token: Option<String>,
}

impl Signature {
    /// The headers to send besides those that were signed.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.security_token.as_deref();
        [
            ("x-amz-date", self.amz_date.as_str()),
            ("authorization", self.authorization.as_str()),
        ]
        .into_iter()
        .chain(token.map(|token| ("x-amz-security-token", token)))
    }
}

pub fn payload_sha256(body: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, body))
}

/// A part of a path or query in the only way of encoding it that AWS signs.
pub fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

/// AWS refuses what was signed more than five minutes ago.
pub fn sign(
    request: &Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    now: Time,
) -> Signature {
    let (date, amz_date) = dates(now);
    let security_token = credentials.session_token.clone();
    let headers = canonical_headers(request, &amz_date, security_token.as_deref());
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        request.method,
        canonical_path(request.path),
        canonical_query(request.query),
        request.payload_sha256,
    );
    let place = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let hash = payload_sha256(canonical.as_bytes());
    let to_sign = format!("{ALGORITHM}\n{amz_date}\n{place}\n{hash}");
    let key = signing_key(&credentials.secret_access_key, &date, scope);
    let signature = hex::encode(hmac_sha256(key.as_ref(), &to_sign));
    let id = &credentials.access_key_id;
    Signature {
        authorization: format!(
            "{ALGORITHM} Credential={id}/{place}, SignedHeaders={names}, Signature={signature}"
        ),
        amz_date,
        security_token,
    }
}

/// `20150830` and `20150830T123600Z`.
fn dates(now: Time) -> (String, String) {
    let now = now.to_offset(UtcOffset::UTC);
    let date = format!(
        "{:04}{:02}{:02}",
        now.year(),
        u8::from(now.month()),
        now.day()
    );
    let (hour, minute, second) = now.to_hms();
    let amz_date = format!("{date}T{hour:02}{minute:02}{second:02}Z");
    (date, amz_date)
}

/// By name; what is repeated becomes one, in its order; runs of blanks become one.
fn canonical_headers(
    request: &Unsigned<'_>,
    amz_date: &str,
    token: Option<&str>,
) -> Vec<(String, String)> {
    let added = [
        ("x-amz-date", Some(amz_date)),
        ("x-amz-security-token", token),
    ];
    let added = added
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .copied()
        .chain(added)
        .map(|(name, value)| {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            (name.to_ascii_lowercase(), words.join(" "))
        })
        .collect();
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers.dedup_by(|again, first| {
        let repeated = again.0 == first.0;
        if repeated {
            first.1.push(',');
            first.1.push_str(&again.1);
        }
        repeated
    });
    headers
}

/// The path without its detours, encoded once more: every service but S3 signs what is already encoded as if it
/// were not.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    if segments.is_empty() {
        return "/".to_owned();
    }
    let encoded: String = segments
        .into_iter()
        .map(|segment| format!("/{}", encode(segment)))
        .collect();
    let ends_in_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if ends_in_folder {
        encoded + "/"
    } else {
        encoded
    }
}

fn canonical_query(query: &str) -> String {
    let encode_again = |text: &str| {
        let text: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&text, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode_again(name), encode_again(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

fn signing_key(secret: &str, date: &str, scope: Scope<'_>) -> hmac::Tag {
    let key = hmac_sha256(format!("AWS4{secret}").as_bytes(), date);
    let key = hmac_sha256(key.as_ref(), scope.region);
    let key = hmac_sha256(key.as_ref(), scope.service);
    hmac_sha256(key.as_ref(), "aws4_request")
}

fn hmac_sha256(key: &[u8], data: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// A case of AWS's own signing test suite
    /// (<https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite>), in one line.
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Case {
        name: String,
        method: String,
        path: String,
        query: String,
        headers: Vec<(String, String)>,
        body: String,
        token: String,
        sign_body: bool,
        signature: String,
    }

    fn credentials(token: &str) -> Credentials {
        Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: (!token.is_empty()).then(|| token.to_owned()),
        }
    }

    /// 2015-08-30T12:36:00Z, when all of the suite happens.
    fn then() -> Time {
        Time::from_unix_timestamp(1_440_938_160).unwrap()
    }

    fn check(case: &Case) {
        let hash = payload_sha256(case.body.as_bytes());
        let headers = case.headers.iter();
        let mut headers: Vec<(&str, &str)> =
            headers.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if case.sign_body {
            headers.push(("x-amz-content-sha256", &hash));
        }
        let request = Unsigned {
            method: &case.method,
            path: &case.path,
            query: &case.query,
            headers: &headers,
            payload_sha256: &hash,
        };
        let scope = Scope {
            region: "us-east-1",
            service: "service",
        };
        let signed = sign(&request, &credentials(&case.token), scope, then());
        let (_, signature) = signed.authorization.split_once("Signature=").unwrap();
        assert_eq!(signature, case.signature, "{}", case.name);
        assert_eq!(signed.amz_date, "20150830T123600Z");
    }

    #[test]
    fn the_published_cases_get_their_signatures() {
        let cases = include_str!("../tests/golden/sigv4/vectors.json");
        let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
        assert_eq!(cases.len(), 30);
        cases.iter().for_each(check);
    }

    #[test]
    fn the_headers_are_those_of_the_published_request() {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Host", "example.amazonaws.com"),
            ("Content-Length", "13"),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            ),
        ];
        let request = Unsigned {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            payload_sha256: &payload_sha256(b"Param1=value1"),
        };
        let scope = Scope {
            region: "us-east-1",
            service: "service",
        };
        let signed = sign(&request, &credentials("token"), scope, then());
        let headers: Vec<_> = signed.headers().collect();
        assert_eq!(headers[0], ("x-amz-date", "20150830T123600Z"));
        assert_eq!(headers[2], ("x-amz-security-token", "token"));
        let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
            SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date;\
            x-amz-security-token, Signature=";
        assert!(headers[1].1.starts_with(begin), "{}", headers[1].1);
    }

    /// The suite's `double-encode-path` and `double-url-encode` of the AWS SDK for Rust, and a Bedrock model.
    #[test]
    fn a_path_is_encoded_once_more_to_be_signed() {
        for (path, expected) in [
            (
                "/test/@connections/JBDvjfGEIAMCERw%3D",
                "/test/%40connections/JBDvjfGEIAMCERw%253D",
            ),
            (
                "/functions/arn%3Aaws%3Alambda/invocations",
                "/functions/arn%253Aaws%253Alambda/invocations",
            ),
            (
                "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
                "/model/anthropic.claude-3-5-sonnet-20241022-v2%253A0/converse",
            ),
            ("", "/"),
            ("/a/./", "/a/"),
            ("/a/b/..", "/a/"),
        ] {
            assert_eq!(canonical_path(path), expected, "{path}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", credentials("secret-token"));
        assert_eq!(shown, "Credentials(AKIDEXAMPLE)");
    }
}
