//! Numbers of people and accounts: groups of digits, told from other numbers by their check digits, or by how they are
//! written.

use super::{At, Kind, check, ends_word};

/// More digits than any number here has.
const MAX_DIGITS: usize = 19;
/// More groups than any has, and fewer digits.
const MAX_GROUPS: usize = 9;
const MIN_DIGITS: usize = 8;
/// Digits of a telephone number with its country's code, by E.164.
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;

/// Digits in groups, as they are written.
struct Number {
    digits: Vec<u8>,
    groups: Vec<Group>,
    is_international: bool,
    /// The first group is in parentheses.
    has_area: bool,
}

struct Group {
    /// How many.
    len: usize,
    /// What stands before it: nothing, where it is the first.
    separator: Separator,
    /// The byte after it.
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    None,
    Space,
    Dash,
    Dot,
    Slash,
    /// With a parenthesis.
    Area,
}

/// A number that begins here, the longest first.
pub(super) fn begins(at: At<'_>) -> Option<(Kind, usize)> {
    let mut number = read(at)?;
    // Of a number that was found before, nothing is left that this could be a fraction of.
    let is_fraction =
        at.before == b'.' && at.at > at.from + 1 && at.text.as_bytes()[at.at - 2].is_ascii_digit();
    while let Some(last) = number.groups.last() {
        if number.digits.len() < MIN_DIGITS {
            break;
        }
        let end = last.end;
        // The last digit of some is a letter.
        if number.groups.len() == 1
            && let Some((kind, longer)) = lettered(&number, at.bytes(), end)
        {
            return Some((kind, longer));
        }
        if ends_word(at.bytes(), end)
            && let Some(kind) = number.kind(is_fraction)
        {
            return Some((kind, end));
        }
        let gone = number.groups.pop().map_or(0, |group| group.len);
        number.digits.truncate(number.digits.len() - gone);
    }
    None
}

/// Whether all of a text may be the beginning of one number.
pub(super) fn may_go_on(text: &str) -> bool {
    /// More bytes than its digits and what stands between them have.
    const LONGEST: usize = 96;
    let is_part =
        |c: char| c.is_ascii_digit() || c == '+' || separates(c.encode_utf8(&mut [0; 4])).is_some();
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '+' | '(');
    text.len() < LONGEST && text.starts_with(begins) && text.chars().all(is_part)
}

/// As many groups as one number can have.
fn read(at: At<'_>) -> Option<Number> {
    let bytes = at.bytes();
    let is_international = bytes.first() == Some(&b'+');
    let mut end = usize::from(is_international);
    let has_area = bytes.get(end) == Some(&b'(');
    end += usize::from(has_area);
    let mut number = Number {
        digits: Vec::new(),
        groups: Vec::new(),
        is_international,
        has_area,
    };
    let mut separator = Separator::None;
    loop {
        let digits = bytes[end..].iter().take_while(|byte| byte.is_ascii_digit());
        let len = digits.count();
        let is_full = number.groups.len() == MAX_GROUPS;
        if len == 0 || is_full || number.digits.len() + len > MAX_DIGITS {
            break;
        }
        let digits = bytes[end..end + len].iter().map(|byte| byte - b'0');
        number.digits.extend(digits);
        end += len;
        number.groups.push(Group {
            len,
            separator,
            end,
        });
        let Some((next, length)) = separates(&at.rest()[end..]) else {
            break;
        };
        separator = next;
        end += length;
    }
    (!number.groups.is_empty()).then_some(number)
}

/// What stands between two groups, and how many bytes it has.
fn separates(text: &str) -> Option<(Separator, usize)> {
    let mut kind = None;
    let mut length = 0;
    // At most `) ` or ` (`.
    for character in text.chars().take(2) {
        let next = match character {
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => Separator::Space,
            '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => Separator::Dash,
            '.' => Separator::Dot,
            '/' => Separator::Slash,
            '(' | ')' => Separator::Area,
            _ => break,
        };
        kind = match (kind, next) {
            (None, next) => Some(next),
            (Some(Separator::Area), Separator::Space | Separator::Dash)
            | (Some(Separator::Space), Separator::Area) => Some(Separator::Area),
            (Some(_), _) => break,
        };
        length += character.len_utf8();
    }
    kind.map(|kind| (kind, length))
}

/// A number whose last character is a letter, or may be.
fn lettered(number: &Number, bytes: &[u8], end: usize) -> Option<(Kind, usize)> {
    let digits = &number.digits;
    let is_dashed = digits.len() == 8 && bytes.get(end) == Some(&b'-');
    let at = end + usize::from(is_dashed);
    let letter = *bytes.get(at)?;
    if !letter.is_ascii_alphabetic() || !ends_word(bytes, at + 1) {
        return None;
    }
    let kind = match digits.len() {
        8 if check::dni(digits, letter) => Kind::EsDni,
        17 if check::resident_id(digits, letter) => Kind::CnResidentId,
        _ => return None,
    };
    Some((kind, at + 1))
}

impl Number {
    fn kind(&self, is_fraction: bool) -> Option<Kind> {
        if self.is_international || self.has_area {
            return self.is_phone().then_some(Kind::Phone);
        }
        let digits = &self.digits;
        let lens: Vec<usize> = self.groups.iter().map(|group| group.len).collect();
        let uniform = self.uniform();
        let spaced = matches!(uniform, Some(Separator::Space | Separator::Dash));
        let kind = match (&*lens, digits.len()) {
            ([3, 2, 4], _) if spaced && is_ssn(digits) => Kind::UsSsn,
            ([11] | [9, 2] | [3, 3, 3, 2], _) if check::cpf(digits) => Kind::BrCpf,
            ([14] | [8, 4, 2] | [2, 3, 3, 4, 2], _) if check::cnpj(digits) => Kind::BrCnpj,
            ([4, 4, 4], _) if spaced && digits[0] > 1 && check::verhoeff(digits) => Kind::InAadhaar,
            ([15] | [13, 2] | [1, 2, 2, 2, 3, 3, 2], _) if check::nir(digits) => Kind::FrNir,
            ([18], _) if check::resident_id(&digits[..17], digits[17] + b'0') => Kind::CnResidentId,
            ([_], _) if is_fraction => return None,
            ([_], _) if is_card(digits) => Kind::Card,
            (_, _) if spaced && lens.iter().all(|len| *len > 1) && is_card(digits) => Kind::Card,
            (_, _) if self.is_phone() => Kind::Phone,
            (_, _) => return None,
        };
        Some(kind)
    }

    /// What stands between all groups.
    fn uniform(&self) -> Option<Separator> {
        let mut separators = self.groups.iter().skip(1).map(|group| group.separator);
        let first = separators.next()?;
        separators.all(|other| other == first).then_some(first)
    }

    fn is_phone(&self) -> bool {
        let digits = &self.digits;
        let lens: Vec<usize> = self.groups.iter().map(|group| group.len).collect();
        if self.is_international {
            return digits[0] != 0 && INTERNATIONAL.contains(&digits.len());
        }
        let separators: Vec<Separator> = self
            .groups
            .iter()
            .skip(1)
            .map(|group| group.separator)
            .collect();
        if self.has_area {
            let (area, closes) = (lens[0], separators.first() == Some(&Separator::Area));
            return closes && (2..=5).contains(&area) && (9..=12).contains(&digits.len());
        }
        if let [0, 0, country, ..] = digits[..] {
            return country != 0 && (10..=17).contains(&digits.len());
        }
        let uniform = self.uniform();
        match (&*lens, &*separators) {
            ([3, 3, 4], _) => uniform.is_some() && is_american(digits),
            ([1, 3, 3, 4], _) => uniform.is_some() && digits[0] == 1 && is_american(&digits[1..]),
            // Brazil's.
            ([2, 4 | 5, 4], [Separator::Space, Separator::Dash]) => digits[0] != 0,
            ([first, rest @ ..], [separator, ..]) if digits[0] == 0 => {
                let in_pairs = rest.iter().chain([first]).all(|len| *len == 2);
                let is_written = match uniform {
                    Some(Separator::Dot) => in_pairs,
                    Some(_) => true,
                    None => {
                        *separator == Separator::Slash
                            && separators[1..].iter().all(|s| *s == separators[1])
                    }
                };
                is_written
                    && (2..=5).contains(first)
                    && rest.iter().all(|len| *len > 1)
                    && (9..=12).contains(&digits.len())
            }
            (_, _) => false,
        }
    }
}

/// Area and exchange of the North American plan begin with 2 to 9.
fn is_american(digits: &[u8]) -> bool {
    digits[0] > 1 && digits[3] > 1
}

/// Numbers that the Social Security Administration never gives are none.
fn is_ssn(digits: &[u8]) -> bool {
    let area = &digits[..3];
    area != [0, 0, 0]
        && area != [6, 6, 6]
        && area[0] != 9
        && digits[3..5] != [0, 0]
        && digits[5..] != [0, 0, 0, 0]
}

/// Whether the networks give such numbers, and the check digit is right.
fn is_card(digits: &[u8]) -> bool {
    let prefix = |len: usize| {
        let add = |sum: u32, digit: &u8| sum * 10 + u32::from(*digit);
        digits.iter().take(len).fold(0, add)
    };
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    let is_given = match digits.len() {
        14 => matches!(three, 300..=305) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            digits[0] == 4
                || matches!(two, 36 | 38 | 39 | 50..=65 | 67)
                || matches!(four, 2200..=2204 | 2221..=2720 | 3528..=3589)
        }
        17 | 18 => matches!(two, 50 | 56..=58 | 60..=65 | 67),
        19 => digits[0] == 4 || matches!(two, 50 | 56..=58 | 60..=65 | 67),
        _ => false,
    };
    is_given && check::luhn(digits)
}
