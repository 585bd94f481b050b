//! Made-up instances of every kind, with check digits computed here.

use floopy_shared::domain::sensitive::Kind;
use proptest::{prelude::*, sample::select};

/// A kind, and a text of it.
pub(crate) fn instance() -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        email().prop_map(|text| (Kind::Email, text)),
        phone().prop_map(|text| (Kind::Phone, text)),
        card().prop_map(|text| (Kind::Card, text)),
        iban().prop_map(|text| (Kind::Iban, text)),
        "(00[1-9]|[1-57][0-9]{2})[- ]0[1-9][- ]000[1-9]"
            .prop_filter("separated alike", |text| text.contains(' ')
                != text.contains('-'))
            .prop_map(|text| (Kind::UsSsn, text)),
        brazilian(),
        "[0-9]{8}".prop_map(|digits| (Kind::EsDni, format!("{digits}{}", letter(&digits)))),
        nir().prop_map(|text| (Kind::FrNir, text)),
        secret(),
        select(&PUBLISHED[..]).prop_map(|(kind, text)| (kind, text.to_owned())),
    ]
}

/// Examples of standards, and of kinds whose check digits are more than a line.
const PUBLISHED: [(Kind, &str); 6] = [
    (Kind::InAadhaar, "2341 2341 2346"),
    (Kind::CnResidentId, "11010519491231002X"),
    (Kind::ItCodiceFiscale, "RSSMRA85T10A562S"),
    (Kind::EsDni, "X1234567L"),
    (Kind::Iban, "GB82 WEST 1234 5698 7654 32"),
    (Kind::FrNir, "2 69 05 49 588 157 80"),
];

fn email() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,12}([._+-][a-z0-9]{1,8}){0,2}@([a-z0-9]{1,10}[.-]){0,2}[a-z0-9]{1,10}\\.(com|org|io|com\\.br|museum)"
}

fn phone() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\+[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2,4}",
        "\\+1 \\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        "\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
        "0[1-9] [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2}",
        "020 7[0-9]{3} [0-9]{4}",
        "\\([1-9]{2}\\) 9[0-9]{4}-[0-9]{4}",
        "[1-9]{2} 9[0-9]{4}-[0-9]{4}",
        "00[1-9][0-9]{10}",
    ]
}

/// Adds the last digit by ISO/IEC 7812.
fn with_luhn(digits: &str) -> String {
    let doubled = |(at, digit): (usize, char)| {
        let digit = digit.to_digit(10).expect("a digit");
        let worth = if at % 2 == 0 { 2 * digit } else { digit };
        worth / 10 + worth % 10
    };
    let sum: u32 = digits.chars().rev().enumerate().map(doubled).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn card() -> impl Strategy<Value = String> {
    let numbers = prop_oneof![
        "4[0-9]{14}",
        "5[1-5][0-9]{13}",
        "3[47][0-9]{12}",
        "6011[0-9]{11}",
        "36[0-9]{11}"
    ];
    let filled = numbers.prop_map(|digits| with_luhn(&digits));
    (filled, select(&["", " ", "-"][..])).prop_map(|(digits, separator)| {
        let sizes: &[usize] = match digits.len() {
            15 => &[4, 6, 5],
            14 => &[4, 6, 4],
            _ => &[4, 4, 4, 4],
        };
        let mut rest = &*digits;
        let groups = sizes.iter().map(|size| {
            let (group, left) = rest.split_at((*size).min(rest.len()));
            rest = left;
            group
        });
        let groups: Vec<&str> = groups.collect();
        groups.join(separator)
    })
}

fn iban() -> impl Strategy<Value = String> {
    let countries = prop_oneof![
        ("[0-9]{18}").prop_map(|rest| ("DE", rest)),
        ("[A-Z]{4}[0-9]{14}").prop_map(|rest| ("GB", rest)),
        ("[0-9]{20}").prop_map(|rest| ("ES", rest)),
        ("[0-9]{23}[A-Z][0-9A-Z]").prop_map(|rest| ("BR", rest)),
    ];
    (countries, any::<bool>()).prop_map(|((country, rest), is_spaced)| {
        let moved = format!("{rest}{country}00");
        let mut sum = 0u64;
        for character in moved.chars() {
            let value = u64::from(character.to_digit(36).expect("a letter or digit"));
            sum = if value > 9 {
                sum * 100 + value
            } else {
                sum * 10 + value
            } % 97;
        }
        let whole = format!("{country}{:02}{rest}", 98 - sum);
        if !is_spaced {
            return whole;
        }
        let characters: Vec<char> = whole.chars().collect();
        let groups: Vec<String> = characters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect();
        groups.join(" ")
    })
}

/// The next check digit of CPF and CNPJ; weights go up to `most` from the right, and begin again with 2.
fn eleven(digits: &[u32], most: u32) -> u32 {
    let weighted = digits.iter().rev().enumerate();
    let sum: u32 = weighted
        .map(|(at, digit)| digit * (2 + at as u32 % (most - 1)))
        .sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

fn brazilian() -> impl Strategy<Value = (Kind, String)> {
    let digits = prop::collection::vec(0u32..10, 12);
    (digits, any::<bool>(), any::<bool>()).prop_map(|(mut digits, is_person, is_plain)| {
        let (count, most) = if is_person { (9, 11) } else { (12, 9) };
        digits.truncate(count);
        digits[0] = 1;
        digits[1] = 2;
        for _ in 0..2 {
            let check = eleven(&digits, most);
            digits.push(check);
        }
        let text: String = digits.iter().map(u32::to_string).collect();
        match (is_person, is_plain) {
            (true, true) => (Kind::BrCpf, text),
            (false, true) => (Kind::BrCnpj, text),
            (true, false) => (
                Kind::BrCpf,
                format!(
                    "{}.{}.{}-{}",
                    &text[..3],
                    &text[3..6],
                    &text[6..9],
                    &text[9..]
                ),
            ),
            (false, false) => (
                Kind::BrCnpj,
                format!(
                    "{}.{}.{}/{}-{}",
                    &text[..2],
                    &text[2..5],
                    &text[5..8],
                    &text[8..12],
                    &text[12..]
                ),
            ),
        }
    })
}

fn letter(digits: &str) -> char {
    let number: usize = digits.parse().expect("digits");
    char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[number % 23])
}

fn nir() -> impl Strategy<Value = String> {
    "[12][0-9]{2}(0[1-9]|1[0-2])[0-9]{8}".prop_map(|digits| {
        let number: u64 = digits.parse().expect("digits");
        format!("{digits}{:02}", 97 - number % 97)
    })
}

fn secret() -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        "sk-(proj-|ant-api03-)?[A-Za-z0-9]{20,60}1".prop_map(|text| (Kind::ApiKey, text)),
        "(AKIA|ASIA)[A-Z0-9]{16}".prop_map(|text| (Kind::ApiKey, text)),
        "gh[pousr]_[A-Za-z0-9]{35}7".prop_map(|text| (Kind::ApiKey, text)),
        "xox[abprs]-[0-9]{10,13}-[A-Za-z0-9]{10,24}".prop_map(|text| (Kind::ApiKey, text)),
        "AIza[A-Za-z0-9_-]{34}5".prop_map(|text| (Kind::ApiKey, text)),
        "fl_[0-9a-f]{63}5".prop_map(|text| (Kind::ApiKey, text)),
        "eyJ[A-Za-z0-9_-]{10,40}\\.eyJ[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{20,43}"
            .prop_map(|text| (Kind::Token, text)),
        "[A-Za-z0-9+/]{400,600}".prop_map(|body| {
            let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
            (Kind::PrivateKey, pem)
        }),
    ]
}
