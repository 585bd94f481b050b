//! Folding: lower case, no accents, ASCII punctuation, single spaces, so that one spelling finds them all.

/// Appends the folded text.
pub(super) fn push(folded: &mut String, text: &str) {
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, other) = rest.split_at(plain_end(rest));
        let start = folded.len();
        folded.push_str(plain);
        folded[start..].make_ascii_lowercase();
        let mut chars = other.chars();
        match chars.next() {
            None => return,
            Some(' ' | '\t' | '\r' | '\u{a0}' | '\u{3000}') => {
                if !folded.ends_with([' ', '\n']) {
                    folded.push(' ');
                }
            }
            // Han, kana and Hangul have no case.
            Some(c @ ('\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')) => folded.push(c),
            Some(c @ '\u{400}'..='\u{45f}') => push_letter(folded, c),
            Some(c) => push_other(folded, c),
        }
        rest = chars.as_str();
    }
}

/// Where the ASCII ends that only its case has to be changed of: at other characters, and at every space that
/// may have to go.
fn plain_end(text: &str) -> usize {
    let mut before = b' ';
    let ends = |b: u8| {
        let space = b == b' ' && matches!(before, b' ' | b'\n');
        before = b;
        space || b >= 0x80 || matches!(b, b'\t' | b'\r')
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

fn push_other(folded: &mut String, c: char) {
    match c {
        'ß' => folded.push_str("ss"),
        'æ' | 'Æ' => folded.push_str("ae"),
        'œ' | 'Œ' => folded.push_str("oe"),
        // Combining accents, Arabic vowel signs and tatweel, the nukta of Hindi.
        '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{93c}' => {}
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = char::from_u32(c as u32 - 0xfee0).unwrap_or(c);
            folded.push(ascii.to_ascii_lowercase());
        }
        _ => match latin(c).or_else(|| punctuation(c)) {
            Some(plain) => folded.push(plain),
            None => push_letter(folded, c),
        },
    }
}

/// The base letter of an accented Latin one (Latin-1, Extended-A, Vietnamese).
fn latin(c: char) -> Option<char> {
    Some(match c {
        'à'..='å' | 'À'..='Å' | 'ā' | 'ă' | 'ą' | 'Ā' | 'Ă' | 'Ą' | '\u{1ea0}'..='\u{1eb7}' => {
            'a'
        }
        'ç' | 'Ç' | 'ć' | 'č' | 'Ć' | 'Č' => 'c',
        'đ' | 'Đ' | 'ď' | 'Ď' => 'd',
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'ę' | 'ě' | 'Ę' | 'Ě' | '\u{1eb8}'..='\u{1ec7}' => {
            'e'
        }
        'ğ' | 'Ğ' => 'g',
        'ì'..='ï' | 'Ì'..='Ï' | 'ı' | 'İ' | 'ī' | 'ĩ' | 'Ĩ' | '\u{1ec8}'..='\u{1ecb}' => {
            'i'
        }
        'ł' | 'Ł' => 'l',
        'ñ' | 'Ñ' | 'ń' | 'Ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'Ò'..='Ö' | 'Ø' | 'ő' | 'ơ' | 'Ơ' | '\u{1ecc}'..='\u{1ee3}' => {
            'o'
        }
        'ř' | 'Ř' => 'r',
        'ś' | 'Ś' | 'ş' | 'Ş' | 'š' | 'Š' | 'ș' => 's',
        'ț' | 'ť' => 't',
        'ù'..='ü' | 'Ù'..='Ü' | 'ů' | 'ű' | 'ũ' | 'ư' | 'Ư' | '\u{1ee4}'..='\u{1ef1}' => {
            'u'
        }
        'ý' | 'ÿ' | 'Ý' | '\u{1ef2}'..='\u{1ef9}' => 'y',
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => 'z',
        _ => return None,
    })
}

fn punctuation(c: char) -> Option<char> {
    Some(match c {
        '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』' => '"',
        '‘' | '’' | 'ʼ' => '\'',
        '。' | '।' => '.',
        '、' | '،' => ',',
        '؟' => '?',
        '–' | '—' | '−' => '-',
        '¿' | '¡' => ' ',
        _ => return None,
    })
}

fn push_letter(folded: &mut String, c: char) {
    match c {
        'ё' | 'Ё' => folded.push('е'),
        'А'..='Я' => folded.push(char::from_u32(c as u32 + 0x20).unwrap_or(c)),
        'а'..='я' => folded.push(c),
        'أ' | 'إ' | 'آ' => folded.push('ا'),
        // Hindi letters that are written with a nukta or as one character.
        '\u{958}' => folded.push('क'),
        '\u{959}' => folded.push('ख'),
        '\u{95a}' => folded.push('ग'),
        '\u{95b}' => folded.push('ज'),
        '\u{95c}' => folded.push('ड'),
        '\u{95d}' => folded.push('ढ'),
        '\u{95e}' => folded.push('फ'),
        _ => folded.extend(c.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_fold_to_the_same() {
        let cases = [
            ("Übersetze", "ubersetze"),
            ("ÖZETLE\t İşte", "ozetle iste"),
            ("Przetłumacz", "przetlumacz"),
            ("Tóm tắt", "tom tat"),
            ("Е\u{301}ЩЁ", "еще"),
            ("ＪＳＯＮ：「はい」。", "json:\"はい\"."),
            ("لَخِّص أ", "لخص ا"),
            ("फ़ंक्शन", "फंक्शन"),
        ];
        for (text, expected) in cases {
            let mut folded = String::new();
            push(&mut folded, text);
            assert_eq!(folded, expected, "{text}");
        }
    }
}
