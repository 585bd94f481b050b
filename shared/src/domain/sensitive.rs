//! What must not be kept of what people say: addresses, numbers that name a person or an account, and secrets. Found in one
//! pass from left to right, each place by rules that need no more than the text from there on, so that what was replaced
//! once stays as it is.

mod check;
mod digits;
mod json;
mod people;
mod secrets;
mod window;

use std::{borrow::Cow, ops::Range};

pub use self::{
    json::{Edit, in_json, scrub_json},
    window::{Offset, Window},
};

/// What a text can give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Email,
    Phone,
    /// A payment card's number.
    Card,
    Iban,
    UsSsn,
    BrCpf,
    BrCnpj,
    EsDni,
    FrNir,
    ItCodiceFiscale,
    InAadhaar,
    CnResidentId,
    /// Of a provider whose keys are known by how they look.
    ApiKey,
    PrivateKey,
    /// A bearer token or a JSON Web Token.
    Token,
    /// In an address, as user information or as a parameter.
    Password,
}

impl Kind {
    pub const ALL: [Self; 16] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::UsSsn,
        Self::BrCpf,
        Self::BrCnpj,
        Self::EsDni,
        Self::FrNir,
        Self::ItCodiceFiscale,
        Self::InAadhaar,
        Self::CnResidentId,
        Self::ApiKey,
        Self::PrivateKey,
        Self::Token,
        Self::Password,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::UsSsn => "us_ssn",
            Self::BrCpf => "br_cpf",
            Self::BrCnpj => "br_cnpj",
            Self::EsDni => "es_dni",
            Self::FrNir => "fr_nir",
            Self::ItCodiceFiscale => "it_codice_fiscale",
            Self::InAadhaar => "in_aadhaar",
            Self::CnResidentId => "cn_resident_id",
            Self::ApiKey => "api_key",
            Self::PrivateKey => "private_key",
            Self::Token => "token",
            Self::Password => "password",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it lets somebody in; the others name a person or an account.
    pub fn is_secret(self) -> bool {
        match self {
            Self::ApiKey | Self::PrivateKey | Self::Token | Self::Password => true,
            Self::Email
            | Self::Phone
            | Self::Card
            | Self::Iban
            | Self::UsSsn
            | Self::BrCpf
            | Self::BrCnpj
            | Self::EsDni
            | Self::FrNir
            | Self::ItCodiceFiscale
            | Self::InAadhaar
            | Self::CnResidentId => false,
        }
    }

    /// What stands for it where it was.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Phone => "[phone]",
            Self::Card => "[card]",
            Self::Iban => "[iban]",
            Self::UsSsn => "[us_ssn]",
            Self::BrCpf => "[br_cpf]",
            Self::BrCnpj => "[br_cnpj]",
            Self::EsDni => "[es_dni]",
            Self::FrNir => "[fr_nir]",
            Self::ItCodiceFiscale => "[it_codice_fiscale]",
            Self::InAadhaar => "[in_aadhaar]",
            Self::CnResidentId => "[cn_resident_id]",
            Self::ApiKey => "[api_key]",
            Self::PrivateKey => "[private_key]",
            Self::Token => "[token]",
            Self::Password => "[password]",
        }
    }
}

/// Where in a text something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    /// Bytes, between characters.
    pub range: Range<usize>,
}

/// All that a text gives away, from left to right; none overlaps another.
pub fn find(text: &str) -> impl Iterator<Item = Found> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let found = next(text, from)?;
        from = found.range.end;
        Some(found)
    })
}

/// The text with a placeholder for each of them; the same text where there is nothing.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut all = find(text).peekable();
    if all.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut scrubbed = String::with_capacity(text.len());
    let mut from = 0;
    for Found { kind, range } in all {
        scrubbed.push_str(&text[from..range.start]);
        scrubbed.push_str(kind.placeholder());
        from = range.end;
    }
    scrubbed.push_str(&text[from..]);
    Cow::Owned(scrubbed)
}

/// The same of a text that is given away, without a copy where there is nothing.
pub fn scrubbed(text: String) -> String {
    match scrub(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(scrubbed) => scrubbed,
    }
}

/// A place of a text at which something may begin.
#[derive(Clone, Copy)]
struct At<'a> {
    text: &'a str,
    /// Of the byte that comes next.
    at: usize,
    /// The byte before it. What was found before ends with a bracket for whoever comes after: its placeholder's.
    before: u8,
    /// Where that ended.
    from: usize,
}

impl<'a> At<'a> {
    fn new(text: &'a str, at: usize, from: usize) -> Self {
        let before = match at {
            0 => b' ',
            _ if at == from => b']',
            _ => text.as_bytes()[at - 1],
        };
        Self {
            text,
            at,
            before,
            from,
        }
    }

    /// Whether it is within a character or a word, where nothing begins and most bytes are.
    fn is_within(&self) -> bool {
        let is_boundary = self.text.is_char_boundary(self.at);
        !is_boundary || is_word(self.before) && is_word(self.text.as_bytes()[self.at])
    }

    /// What begins here, and how many bytes it has; or how many bytes further something may begin.
    fn look(self) -> Result<(Kind, usize), usize> {
        match plain_word(self.bytes(), self.before) {
            Some(length) => Err(length),
            None => begins(self).ok_or(1),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn bytes(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Whether a word begins here.
    fn begins_word(&self) -> bool {
        !is_word(self.before)
    }
}

/// The first that is found from here on.
fn next(text: &str, from: usize) -> Option<Found> {
    let mut at = from;
    while at < text.len() {
        let here = At::new(text, at, from);
        if here.is_within() {
            at += 1;
            continue;
        }
        match here.look() {
            Ok((kind, length)) => {
                let range = at..at + length;
                return Some(Found { kind, range });
            }
            Err(length) => at += length,
        }
    }
    None
}

/// How many bytes a word has of which one sees at once that nothing begins with it, as of nearly all words: letters only,
/// fewer than any key has, and after them nothing that could go on with an address, a token or a number.
fn plain_word(bytes: &[u8], before: u8) -> Option<usize> {
    if matches!(before, b'/' | b'=') {
        return None;
    }
    let shown = &bytes[..bytes.len().min(secrets::MIN_KEY)];
    let length = shown.iter().position(|byte| !byte.is_ascii_alphabetic());
    let length = length.unwrap_or(shown.len());
    let ends = match (bytes.get(length), bytes.get(length + 1)) {
        (None, _) => true,
        // The end of a sentence.
        (Some(b'.'), after) => after.is_none_or(u8::is_ascii_whitespace),
        (Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b';' | b':' | b'!' | b'?'), _) => true,
        (Some(b'"' | b'\'' | b'`' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'*'), _) => true,
        (Some(_), _) => false,
    };
    (ends && (1..secrets::MIN_KEY).contains(&length)).then_some(length)
}

/// What begins here, and how many bytes it has.
fn begins(at: At<'_>) -> Option<(Kind, usize)> {
    if matches!(at.before, b'/' | b'=')
        && let Some(length) = secrets::password(at)
    {
        return Some((Kind::Password, length));
    }
    let first = *at.bytes().first()?;
    let can_begin = first.is_ascii_alphanumeric()
        || matches!(first, b'+' | b'(' | b'-' | b'.' | b'_' | b'%')
        || !first.is_ascii();
    if !can_begin {
        return None;
    }
    if let Some(found) = secrets::begins(at) {
        return Some(found);
    }
    if let Some(length) = people::email(at) {
        return Some((Kind::Email, length));
    }
    if !at.begins_word() {
        return None;
    }
    people::begins(at).or_else(|| digits::begins(at))
}

/// Of ASCII words: other scripts write numbers right after their letters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether no word goes on after these bytes.
fn ends_word(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_none_or(|next| !is_word(*next))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    /// Words, and what can stand between them and make more of them.
    fn soup() -> impl Strategy<Value = String> {
        let plain = select(vec!["sky", "Bearer", "DE", "AKIA", "X", "token", "é", "名"]);
        let joint = select(vec![
            " ", ".", "@", "-", "/", "=", "_", "+", ": ", "(", "1", "29", "4111",
        ]);
        let word = prop_oneof![
            plain.prop_map(str::to_owned),
            joint.prop_map(str::to_owned),
            "[A-Za-z]{1,20}"
        ];
        prop::collection::vec(word, 1..12).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn nothing_begins_with_a_word_that_is_passed_over(text in soup()) {
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let before = at.checked_sub(1).map_or(b' ', |last| text.as_bytes()[last]);
                let at = At { text: &text, at, before, from: 0 };
                let is_within = is_word(before) && is_word(at.bytes()[0]);
                if !is_within && plain_word(at.bytes(), before).is_some() {
                    prop_assert_eq!(begins(at), None);
                }
            }
        }
    }
}
