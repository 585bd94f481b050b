//! Check digits, as the standards of the numbers that have them say.

/// ISO/IEC 7812, of payment cards.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let digit = u32::from(*digit);
            match (at % 2, digit) {
                (0, _) => digit,
                (_, 0..=4) => 2 * digit,
                (_, _) => 2 * digit - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 MOD 97-10 of an IBAN's characters without separators.
pub(super) fn iban(characters: &[u8]) -> bool {
    let (head, rest) = characters.split_at(4.min(characters.len()));
    let fold = |sum: u32, character: &u8| {
        let (value, base) = match character.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => (u32::from(digit - b'0'), 10),
            letter => (u32::from(letter.wrapping_sub(b'A')) + 10, 100),
        };
        (sum * base + value) % 97
    };
    rest.iter().chain(head).fold(0, fold) == 1
}

/// Brazil's CPF, of 11 digits.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let is_check = |at: usize| {
        let weights = (2..=at as u32 + 1).rev();
        digits[at] == eleven(&digits[..at], weights)
    };
    digits.len() == 11 && !all_equal(digits) && is_check(9) && is_check(10)
}

/// Brazil's CNPJ, of 14 digits.
pub(super) fn cnpj(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let is_check = |at: usize| {
        let weights = WEIGHTS[13 - at..].iter().copied();
        digits[at] == eleven(&digits[..at], weights)
    };
    digits.len() == 14 && !all_equal(digits) && is_check(12) && is_check(13)
}

fn eleven(digits: &[u8], weights: impl Iterator<Item = u32>) -> u8 {
    let products = digits.iter().zip(weights);
    let sum: u32 = products
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => (11 - rest) as u8,
    }
}

fn all_equal(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == digits[0])
}

/// India's Aadhaar, by Verhoeff's scheme.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const MULTIPLY: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTE: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let fold = |sum: u8, (at, digit): (usize, &u8)| {
        MULTIPLY[usize::from(sum)][usize::from(PERMUTE[at % 8][usize::from(*digit)])]
    };
    digits.iter().rev().enumerate().fold(0, fold) == 0
}

/// France's NIR: 13 digits and a key of two.
pub(super) fn nir(digits: &[u8]) -> bool {
    let number = |digits: &[u8]| {
        let add = |sum: u64, digit: &u8| sum * 10 + u64::from(*digit);
        digits.iter().fold(0, add)
    };
    digits.len() == 15
        && matches!(digits[0], 1 | 2)
        && 97 - number(&digits[..13]) % 97 == number(&digits[13..])
}

/// China's resident identity number: 17 digits, with a date of birth, and a check character by ISO 7064 MOD 11-2.
pub(super) fn resident_id(digits: &[u8], last: u8) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let [_, _, _, _, _, _, c1, c2, _, _, m1, m2, d1, d2, ..] = digits else {
        return false;
    };
    let (month, day) = (m1 * 10 + m2, d1 * 10 + d2);
    let is_born =
        matches!((c1, c2), (1, 9) | (2, 0)) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let products = digits.iter().zip(WEIGHTS);
    let sum: u32 = products
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    let expected = b"10X98765432"[(sum % 11) as usize];
    digits.len() == 17 && is_born && last.to_ascii_uppercase() == expected
}

/// Spain's DNI and NIE: seven or eight digits and a letter.
pub(super) fn dni(digits: &[u8], letter: u8) -> bool {
    let add = |sum: u32, digit: &u8| sum * 10 + u32::from(*digit);
    let number = digits.iter().fold(0, add);
    letter == b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]
}

/// Italy's codice fiscale, of 16 capital letters and digits.
pub(super) fn codice_fiscale(characters: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let Some((last, rest)) = characters.split_last() else {
        return false;
    };
    let value = |character: u8| match character {
        b'0'..=b'9' => character - b'0',
        _ => character.wrapping_sub(b'A') % 26,
    };
    // The first is at an odd place.
    let sum: u32 = rest
        .iter()
        .enumerate()
        .map(|(at, character)| match at % 2 {
            0 => ODD[usize::from(value(*character))],
            _ => u32::from(value(*character)),
        })
        .sum();
    *last == b'A' + (sum % 26) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    /// One that is right, of which no other last digit is.
    fn check(is_valid: impl Fn(&[u8]) -> bool, text: &str) {
        let mut digits = digits(text);
        let (last, right) = (digits.len() - 1, digits[digits.len() - 1]);
        for digit in 0..10 {
            digits[last] = digit;
            assert_eq!(is_valid(&digits), digit == right, "{text} with {digit}");
        }
    }

    #[test]
    fn published_examples_are_valid_and_no_other_last_digit_is() {
        check(luhn, "4111111111111111");
        check(luhn, "378282246310005");
        check(cpf, "52998224725");
        check(cnpj, "11222333000181");
        check(verhoeff, "234123412346");
        check(nir, "269054958815780");
    }

    #[test]
    fn letters_are_checked_too() {
        assert!(iban(b"GB82WEST12345698765432") && !iban(b"GB83WEST12345698765432"));
        assert!(iban(b"DE89370400440532013000") && !iban(b"DE89370400440532013001"));
        assert!(dni(&digits("12345678"), b'Z') && !dni(&digits("12345678"), b'A'));
        assert!(codice_fiscale(b"RSSMRA85T10A562S") && !codice_fiscale(b"RSSMRA85T10A562T"));
        assert!(resident_id(&digits("11010519491231002"), b'x'));
        assert!(
            !resident_id(&digits("11010519491331002"), b'x'),
            "there is no month 13"
        );
        assert!(!cpf(&digits("11111111111")));
    }
}
