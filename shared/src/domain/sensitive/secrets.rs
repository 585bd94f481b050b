//! What lets whoever reads it in: keys that are known by how they begin, tokens, and passwords in addresses.

use super::{At, Kind, ends_word};

/// Which characters a key is made of.
#[derive(Clone, Copy)]
enum Made {
    /// Letters and digits.
    Plain,
    /// Those, `-` and `_`.
    Word,
    /// Those, and dots.
    Dotted,
    /// Capital letters and digits, exactly as many.
    Capitals,
}

/// How keys begin, what follows, and the least of it.
const KEYS: [(&str, Made, usize); 37] = [
    ("sk-", Made::Word, 20),
    ("sk_live_", Made::Plain, 16),
    ("sk_test_", Made::Plain, 16),
    ("rk_live_", Made::Plain, 16),
    ("rk_test_", Made::Plain, 16),
    ("whsec_", Made::Plain, 16),
    ("AKIA", Made::Capitals, 16),
    ("ASIA", Made::Capitals, 16),
    ("AIza", Made::Word, 35),
    ("ya29.", Made::Dotted, 20),
    ("GOCSPX-", Made::Word, 20),
    ("ghp_", Made::Plain, 36),
    ("gho_", Made::Plain, 36),
    ("ghu_", Made::Plain, 36),
    ("ghs_", Made::Plain, 36),
    ("ghr_", Made::Plain, 36),
    ("github_pat_", Made::Word, 40),
    ("glpat-", Made::Word, 20),
    ("xoxa-", Made::Word, 10),
    ("xoxb-", Made::Word, 10),
    ("xoxe-", Made::Word, 10),
    ("xoxp-", Made::Word, 10),
    ("xoxr-", Made::Word, 10),
    ("xoxs-", Made::Word, 10),
    ("xapp-", Made::Word, 10),
    ("gsk_", Made::Plain, 20),
    ("hf_", Made::Plain, 20),
    ("r8_", Made::Plain, 20),
    ("xai-", Made::Plain, 20),
    ("pplx-", Made::Plain, 20),
    ("npm_", Made::Plain, 30),
    ("pypi-", Made::Word, 30),
    ("SG.", Made::Dotted, 30),
    ("dop_v1_", Made::Plain, 40),
    ("shpat_", Made::Plain, 30),
    ("AGE-SECRET-KEY-", Made::Plain, 40),
    // Floopy's own.
    ("fl_", Made::Plain, 64),
];

/// Names of parameters that are secrets.
const PARAMETERS: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "pass",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "api_key",
    "apikey",
    "api-key",
];
/// Bytes of the shortest key, with how it begins.
pub(super) const MIN_KEY: usize = 15;
/// Longest user information of an address.
const MAX_USER_INFO: usize = 512;
/// Within which a private key ends, if it does.
const MAX_PEM: usize = 16 << 10;
/// Least bytes of a bearer token, and of each part of a JSON Web Token.
const MIN_TOKEN: usize = 16;
const MIN_PART: usize = 8;

/// A secret that begins here.
pub(super) fn begins(at: At<'_>) -> Option<(Kind, usize)> {
    if at.rest().starts_with("-----BEGIN ") {
        return private_key(at).map(|length| (Kind::PrivateKey, length));
    }
    // What goes on after a dash or a dot was looked at from its beginning: each byte is read a few times at most.
    let goes_on = matches!(at.before, b'-' | b'.');
    if goes_on || !at.begins_word() || !at.bytes()[0].is_ascii_alphanumeric() {
        return None;
    }
    // Most words are shorter than any key, so that nobody need look for those in them.
    let is_part = |byte: &u8| is_base64url(*byte) || *byte == b'.';
    let beginning = at.bytes().get(..MIN_KEY);
    let is_long = beginning.is_some_and(|bytes| bytes.iter().all(is_part));
    if is_long && let Some(length) = api_key(at) {
        return Some((Kind::ApiKey, length));
    }
    let token = web_token(at).filter(|_| is_long).or_else(|| bearer(at));
    token.map(|length| (Kind::Token, length))
}

fn api_key(at: At<'_>) -> Option<usize> {
    let bytes = at.bytes();
    KEYS.iter().find_map(|(prefix, made, least)| {
        let rest = bytes.strip_prefix(prefix.as_bytes())?;
        let length = match made {
            Made::Plain => count(rest, |byte| byte.is_ascii_alphanumeric()),
            Made::Word => count(rest, is_base64url),
            Made::Dotted => count(rest, |byte| is_base64url(byte) || byte == b'.'),
            Made::Capitals => count(rest, |byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit()
            }),
        };
        let has_digit = rest[..length].iter().any(u8::is_ascii_digit);
        let fits = match made {
            Made::Capitals => length == *least && ends_word(rest, length),
            Made::Plain => length >= *least && has_digit && ends_word(rest, length),
            Made::Word | Made::Dotted => length >= *least && has_digit,
        };
        let dots = rest[..length]
            .iter()
            .rev()
            .take_while(|byte| **byte == b'.')
            .count();
        fits.then_some(prefix.len() + length - dots)
    })
}

/// Three parts of base64url, of which the first is a JSON object.
fn web_token(at: At<'_>) -> Option<usize> {
    let bytes = at.bytes();
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let header = count(bytes, is_base64url);
    let payload = count(bytes.get(header + 1..)?, is_base64url);
    let dots = [header, header + 1 + payload].map(|dot| bytes.get(dot) == Some(&b'.'));
    if header < MIN_PART || payload < MIN_PART || dots != [true, true] {
        return None;
    }
    let signature = count(&bytes[header + payload + 2..], is_base64url);
    Some(header + payload + 2 + signature)
}

/// What follows the word `Bearer`.
fn bearer(at: At<'_>) -> Option<usize> {
    let before = at.text.as_bytes()[..at.at].trim_ascii_end();
    // A space or two, or that of a header's next line.
    if at.at - before.len() > 2 || at.at == before.len() || at.before == b']' {
        return None;
    }
    let word = &before[before.len().saturating_sub(6)..];
    if !word.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let is_token =
        |byte: u8| is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=');
    let length = count(at.bytes(), is_token);
    let has_digit = at.bytes()[..length].iter().any(u8::is_ascii_digit);
    (length >= MIN_TOKEN && has_digit).then_some(length)
}

/// Whether a text begins a private key, or may once more of it came.
pub(super) fn may_begin_pem(text: &str) -> bool {
    const BEGIN: &str = "-----BEGIN ";
    text.starts_with(BEGIN) || BEGIN.starts_with(text)
}

/// A private key with the lines around it; one that is cut goes as far as it is one.
fn private_key(at: At<'_>) -> Option<usize> {
    const BEGIN: &str = "-----BEGIN ";
    let text = at.rest();
    let label = text[BEGIN.len()..]
        .find("-----")
        .filter(|label| *label < 40)?;
    let head = BEGIN.len() + label + 5;
    if !text[..head].ends_with("PRIVATE KEY-----")
        && !text[..head].ends_with("PRIVATE KEY BLOCK-----")
    {
        return None;
    }
    let window = &text[head..text.floor_char_boundary(head + MAX_PEM)];
    let closes = window.find("-----END ").and_then(|end| {
        let after = end + "-----END ".len();
        let dashes = window[after..].find("-----").filter(|label| *label < 40)?;
        Some(head + after + dashes + 5)
    });
    let is_body = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\')
    };
    Some(closes.unwrap_or_else(|| head + count(window.as_bytes(), is_body)))
}

/// The user information of an address that has a password, or a parameter that is one.
pub(super) fn password(at: At<'_>) -> Option<usize> {
    if at.rest().starts_with(Kind::Password.placeholder()) {
        return None;
    }
    let before = &at.text.as_bytes()[..at.at];
    if before.ends_with(b"://") {
        let bytes = &at.bytes()[..at.bytes().len().min(MAX_USER_INFO)];
        let is_part = |byte: u8| {
            !byte.is_ascii_whitespace()
                && !matches!(
                    byte,
                    b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\'
                )
        };
        let part = &bytes[..count(bytes, is_part)];
        let end = part.iter().rposition(|byte| *byte == b'@')?;
        let colon = part[..end].iter().position(|byte| *byte == b':')?;
        return (colon + 1 < end).then_some(end);
    }
    let before = before.strip_suffix(b"=")?;
    let is_secret = |name: &str| {
        let start = before.len().checked_sub(name.len() + 1);
        start.is_some_and(|start| {
            matches!(before[start], b'?' | b'&')
                && before[start + 1..].eq_ignore_ascii_case(name.as_bytes())
        })
    };
    PARAMETERS.iter().find(|name| is_secret(name))?;
    let is_value = |byte: u8| {
        !byte.is_ascii_whitespace()
            && !matches!(byte, b'&' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\')
    };
    let length = count(at.bytes(), is_value);
    (length > 0).then_some(length)
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn count(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| accept(**byte)).count()
}
