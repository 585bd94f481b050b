//! Addresses, and numbers with letters in them.

use super::{At, Kind, check, ends_word, is_word};

/// Longest IBAN.
const MAX_IBAN: usize = 34;
/// How long each country's are, by the registry of IBANs.
const IBANS: [(&[u8; 2], usize); 82] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"BI", 27),
    (b"DJ", 27),
    (b"SO", 23),
];

/// A number of a person or of an account that has letters.
pub(super) fn begins(at: At<'_>) -> Option<(Kind, usize)> {
    let first = at.bytes().first()?;
    if !first.is_ascii_alphabetic() {
        return None;
    }
    if let Some(length) = iban(at.rest()) {
        return Some((Kind::Iban, length));
    }
    let word = at
        .bytes()
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric());
    let length = word.take(MAX_IBAN).count();
    if !ends_word(at.bytes(), length) {
        return None;
    }
    let word = &at.bytes()[..length];
    if is_nie(word) {
        return Some((Kind::EsDni, length));
    }
    is_codice_fiscale(word).then_some((Kind::ItCodiceFiscale, length))
}

/// Spain's number of foreigners: a letter stands for the first digit.
fn is_nie(word: &[u8]) -> bool {
    let [first @ (b'X' | b'Y' | b'Z'), digits @ .., letter] = word else {
        return false;
    };
    if digits.len() != 7 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits = digits.iter().map(|digit| digit - b'0');
    let number: Vec<u8> = std::iter::once(*first - b'X').chain(digits).collect();
    check::dni(&number, *letter)
}

fn is_codice_fiscale(word: &[u8]) -> bool {
    const FORM: &[u8; 16] = b"AAAAAA00A00A000A";
    let fits = |(form, byte): (&u8, &u8)| match form {
        b'A' => byte.is_ascii_alphabetic(),
        _ => byte.is_ascii_digit(),
    };
    word.len() == FORM.len()
        && FORM.iter().zip(word).all(fits)
        && check::codice_fiscale(&word.to_ascii_uppercase())
}

/// Whether all of a text may be the beginning of an IBAN.
pub(super) fn may_go_on(text: &str) -> bool {
    /// More bytes than one has that is written with a separator after each character.
    const LONGEST: usize = 3 * MAX_IBAN;
    let is_part = |c: char| c.is_ascii_alphanumeric() || separates(c);
    text.len() < LONGEST && iban_length(text.as_bytes()).is_some() && text.chars().all(is_part)
}

/// How many characters an IBAN has that begins like this.
fn iban_length(bytes: &[u8]) -> Option<usize> {
    let country = [bytes.first()?, bytes.get(1)?].map(u8::to_ascii_uppercase);
    if !bytes.get(2)?.is_ascii_digit() {
        return None;
    }
    let (_, wanted) = IBANS.iter().find(|(name, _)| **name == country)?;
    Some(*wanted)
}

/// Whether it may stand between the groups of an IBAN.
fn separates(character: char) -> bool {
    matches!(character, ' ' | '-' | '\u{a0}')
}

/// How many bytes of the text are an IBAN, in groups or not.
fn iban(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let wanted = iban_length(bytes)?;
    let mut characters = Vec::with_capacity(MAX_IBAN);
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let may_separate = separates(character);
        if character.is_ascii_alphanumeric() {
            characters.push(character as u8);
            end = at + 1;
        } else if !may_separate || at > end {
            break;
        }
        if characters.len() == wanted {
            break;
        }
    }
    let is_whole = characters.len() == wanted && ends_word(bytes, end);
    (is_whole && check::iban(&characters)).then_some(end)
}

/// How many bytes of the text are an e-mail address; it begins where nothing that can be part of one stands before.
pub(super) fn email(at: At<'_>) -> Option<usize> {
    let last = at.text[..at.at].chars().next_back();
    if at.before != b']' && last.is_some_and(is_local) {
        return None;
    }
    let local = run(at.rest(), is_local);
    let domain = at.rest()[local..].strip_prefix('@')?;
    if local == 0 {
        return None;
    }
    let is_part = |c| is_letter(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    let domain = &domain[..run(domain, is_part)];
    let mut end = domain.len();
    // What ends a sentence, or a label that cannot be the last, is no part of it.
    while let Some(dot) = domain[..end].rfind('.').filter(|dot| *dot > 0) {
        if let Some(length) = top(&domain[dot + 1..end]) {
            return Some(local + 1 + dot + 1 + length);
        }
        end = dot;
    }
    None
}

/// How many bytes of a label can be the last of a domain.
fn top(label: &str) -> Option<usize> {
    if label.starts_with("xn--") {
        return Some(label.trim_end_matches('-').len());
    }
    let length = run(label, is_letter);
    let (name, rest) = label.as_bytes().split_at(length);
    let goes_on = name.last().is_some_and(|last| is_word(*last)) && !ends_word(rest, 0);
    (label[..length].chars().count() > 1 && !goes_on).then_some(length)
}

fn run(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

fn is_local(character: char) -> bool {
    is_letter(character)
        || character.is_ascii_digit()
        || matches!(character, '.' | '_' | '%' | '+' | '-')
}

/// Of Latin, Greek and Cyrillic: scripts that write no spaces would make the whole sentence part of the address.
fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic()
        || ('\u{80}'..'\u{590}').contains(&character) && character.is_alphabetic()
}
