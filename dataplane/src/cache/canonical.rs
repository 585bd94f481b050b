//! The canonical form of a body: two bodies have the same one where they are the same JSON value, and only there.
//!
//! White space goes, keys are sorted, strings and numbers are written in one way. Numbers keep all their digits: nothing is
//! read as a float, so that no two numbers that differ become one.

use std::{borrow::Cow, ops::Range};

use memchr::memchr2;

/// How deep a body may be nested; deeper ones have no canonical form.
const MAX_DEPTH: usize = 128;

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At the top of the body.
    Top,
    /// In an element of a list at the top: in a message, where the list is `messages` or `input`.
    Message,
    Deeper,
}

/// Where the value of a key of the body stands.
#[derive(Debug, Clone, Copy)]
enum Inside {
    Body,
    /// Of `messages` or `input`.
    Messages,
    Message,
    Other,
}

/// The canonical form of a body that was found to be JSON, without the keys that `omits` names. `None`: it is nested too
/// deep, or a string has no meaning as text.
pub(super) fn canonical(body: &[u8], omits: impl Fn(Place, &str) -> bool) -> Option<Vec<u8>> {
    let mut writer = Writer {
        text: body,
        at: 0,
        out: Vec::with_capacity(body.len()),
        omits,
    };
    writer.value(Inside::Body, 0)?;
    Some(writer.out)
}

struct Writer<'a, F> {
    text: &'a [u8],
    at: usize,
    out: Vec<u8>,
    omits: F,
}

/// A member of an object, in what was written.
struct Member {
    key: Range<usize>,
    whole: Range<usize>,
}

impl<'a, F: Fn(Place, &str) -> bool> Writer<'a, F> {
    fn value(&mut self, inside: Inside, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.next()? {
            b'{' => self.object(inside, depth),
            b'[' => self.array(inside, depth),
            b'"' => {
                let text = self.string()?;
                self.write_string(&text)
            }
            b't' | b'f' | b'n' => {
                self.word();
                Some(())
            }
            _ => {
                self.number();
                Some(())
            }
        }
    }

    /// The next byte that is no white space; stays there.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += blank.count();
        self.text.get(self.at).copied()
    }

    fn object(&mut self, inside: Inside, depth: usize) -> Option<()> {
        let place = match inside {
            Inside::Body => Place::Top,
            Inside::Message => Place::Message,
            Inside::Messages | Inside::Other => Place::Deeper,
        };
        self.at += 1;
        self.out.push(b'{');
        let begin = self.out.len();
        let mut members: Vec<Member> = Vec::new();
        loop {
            match self.next()? {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    let start = self.out.len();
                    let key = self.string()?;
                    self.write_string(&key)?;
                    let key_end = self.out.len();
                    self.next()?;
                    self.at += 1;
                    self.out.push(b':');
                    self.value(below(inside, &key), depth + 1)?;
                    self.out.push(b',');
                    if (self.omits)(place, &key) {
                        self.out.truncate(start);
                        continue;
                    }
                    let whole = start..self.out.len();
                    members.push(Member {
                        key: start..key_end,
                        whole,
                    });
                }
            }
        }
        self.at += 1;
        self.sort(begin, members);
        self.close(begin, b'}');
        Some(())
    }

    /// Brings members into the order of their keys.
    fn sort(&mut self, begin: usize, mut members: Vec<Member>) {
        let out = &self.out;
        if members.is_sorted_by(|a, b| out[a.key.clone()] <= out[b.key.clone()]) {
            return;
        }
        members.sort_by(|a, b| out[a.key.clone()].cmp(&out[b.key.clone()]));
        let sorted: Vec<&[u8]> = members.iter().map(|m| &out[m.whole.clone()]).collect();
        let sorted = sorted.concat();
        self.out.truncate(begin);
        self.out.extend_from_slice(&sorted);
    }

    fn array(&mut self, inside: Inside, depth: usize) -> Option<()> {
        let element = match inside {
            Inside::Messages => Inside::Message,
            Inside::Body | Inside::Message | Inside::Other => Inside::Other,
        };
        self.at += 1;
        self.out.push(b'[');
        let begin = self.out.len();
        loop {
            match self.next()? {
                b']' => break,
                b',' => self.at += 1,
                _ => {
                    self.value(element, depth + 1)?;
                    self.out.push(b',');
                }
            }
        }
        self.at += 1;
        self.close(begin, b']');
        Some(())
    }

    /// Writes the end in place of the last comma, if there is one.
    fn close(&mut self, begin: usize, end: u8) {
        if self.out.len() > begin {
            self.out.pop();
        }
        self.out.push(end);
    }

    /// The text of the string that begins here.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let (all, begin) = (self.text, self.at);
        let mut end = begin + 1;
        let mut is_plain = true;
        loop {
            end += memchr2(b'"', b'\\', all.get(end..)?)?;
            if all[end] == b'"' {
                break;
            }
            is_plain = false;
            end += 2;
        }
        self.at = end + 1;
        if is_plain {
            let plain = std::str::from_utf8(&all[begin + 1..end]).ok()?;
            return Some(Cow::Borrowed(plain));
        }
        let text: String = serde_json::from_slice(&all[begin..=end]).ok()?;
        Some(Cow::Owned(text))
    }

    fn write_string(&mut self, text: &str) -> Option<()> {
        serde_json::to_writer(&mut self.out, text).ok()
    }

    fn word(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        self.out.extend_from_slice(&rest[..length]);
        // A byte that is none of them is passed over: the reader would not end otherwise.
        self.at += length.max(1);
    }

    fn number(&mut self) {
        let rest = &self.text[self.at..];
        let is_part = |b: &&u8| b.is_ascii_digit() || b"+-.eE".contains(b);
        let length = rest.iter().take_while(is_part).count();
        number(&rest[..length], &mut self.out);
        self.at += length.max(1);
    }
}

fn below(inside: Inside, key: &str) -> Inside {
    match inside {
        Inside::Body if matches!(key, "messages" | "input") => Inside::Messages,
        Inside::Body | Inside::Messages | Inside::Message | Inside::Other => Inside::Other,
    }
}

/// Integers up to this power of ten are written out.
const WRITTEN_OUT: i64 = 20;

/// Writes a number by its digits and its power of ten, whichever way it was written.
fn number(token: &[u8], out: &mut Vec<u8>) {
    let (negative, unsigned) = match token.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let at = unsigned.iter().position(|b| matches!(b, b'e' | b'E'));
    let (mantissa, power) = match at {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, &b"0"[..]),
    };
    let power = std::str::from_utf8(power).ok().and_then(|p| p.parse().ok());
    let Some(power) = power.filter(|power: &i64| power.unsigned_abs() < 1 << 40) else {
        // No number that anybody means.
        out.extend_from_slice(token);
        return;
    };
    let point = mantissa.iter().position(|b| *b == b'.');
    let fraction = point.map_or(0, |at| mantissa.len() - at - 1);
    let digits = mantissa.iter().copied().filter(u8::is_ascii_digit);
    let digits: Vec<u8> = digits.skip_while(|d| *d == b'0').collect();
    let zeros = digits.iter().rev().take_while(|d| **d == b'0').count();
    let digits = &digits[..digits.len() - zeros];
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    let power = power - fraction as i64 + zeros as i64;
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(digits);
    match power {
        0..=WRITTEN_OUT => out.extend((0..power).map(|_| b'0')),
        _ => out.extend_from_slice(format!("e{power}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn form(body: &str) -> String {
        let form = canonical(body.as_bytes(), |_, _| false).expect("has one");
        String::from_utf8(form).expect("text")
    }

    #[test]
    fn white_space_order_escapes_and_the_writing_of_numbers_do_not_matter() {
        let one = r#"{"b":[1.0,0.7,-0,1e2,0.0050],"a":"\u00e9\/\n","c":{"y":null,"x":true}}"#;
        let other = "{ \"a\" : \"é/\\u000a\",\n\"c\":{\"x\":true,\"y\":null}, \"b\":[1,7e-1,0.0,100,5E-3] }";
        assert_eq!(form(one), form(other));
        assert_eq!(
            form(one),
            r#"{"a":"é/\n","b":[1,7e-1,0,100,5e-3],"c":{"x":true,"y":null}}"#
        );
    }

    #[test]
    fn what_matters_differs() {
        let bodies = [
            "{\"a\":1}",
            "{\"a\":\"1\"}",
            "{\"a\":null}",
            "{}",
            "{\"a\":18446744073709551616}",
            "{\"a\":18446744073709551617}",
            "{\"a\":0.1}",
            "{\"a\":0.10000000000000000001}",
            "{\"a\":[1,2]}",
            "{\"a\":[2,1]}",
            "{\"a\":\"x\"}",
            "{\"a\":1e99999999999999999999}",
            "{\"a\":1e99999999999999999998}",
        ];
        for (at, one) in bodies.iter().enumerate() {
            for other in &bodies[at + 1..] {
                assert_ne!(form(one), form(other));
            }
        }
    }

    #[test]
    fn keys_are_left_out_where_they_stand_and_nowhere_else() {
        let body = r#"{"user":"u","messages":[{"name":"n","content":{"user":1,"name":2}}]}"#;
        let omits = |place, key: &str| {
            (place == Place::Top && key == "user") || (place == Place::Message && key == "name")
        };
        let form = canonical(body.as_bytes(), omits).expect("has one");
        let expected = r#"{"messages":[{"content":{"name":2,"user":1}}]}"#;
        assert_eq!(String::from_utf8_lossy(&form), expected);
    }

    #[test]
    fn what_is_nested_too_deep_or_no_text_has_none() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(canonical(deep.as_bytes(), |_, _| false), None);
        assert_eq!(canonical(br#"{"a":"\ud800"}"#, |_, _| false), None);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|f| json!(f)),
            "\\PC{0,8}|[\"\\\\\n\u{1}é]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-cé\"]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    /// The same value with its keys the other way round, blanks and escapes everywhere.
    fn rewritten(value: &Value) -> String {
        match value {
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(rewritten).collect();
                format!("[ {} ]", items.join(" ,\n"))
            }
            Value::Object(map) => {
                let member = |(key, value): (&String, &Value)| {
                    format!("{} :\t{}", escaped(key), rewritten(value))
                };
                let members: Vec<String> = map.iter().rev().map(member).collect();
                format!("{{ {} }}", members.join(", "))
            }
            Value::String(text) => escaped(text),
            Value::Number(n) if n.is_i64() => format!("{n}.0E0"),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        }
    }

    fn escaped(text: &str) -> String {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    }

    proptest! {
        #[test]
        fn however_a_value_is_written_it_has_one_form(value in values()) {
            prop_assert_eq!(form(&value.to_string()), form(&rewritten(&value)));
        }

        #[test]
        fn values_that_differ_have_forms_that_differ(one in values(), other in values()) {
            let plain = |value: &Value| form(&value.to_string());
            if plain(&one) == plain(&other) {
                let as_float = |text: &str| text.parse::<f64>().map_or(text.to_owned(), |f| f.to_string());
                prop_assert_eq!(as_float(&one.to_string()), as_float(&other.to_string()));
            }
        }

        #[test]
        fn the_form_is_json_of_the_same_meaning_and_its_own_form(value in values()) {
            let form_of = form(&value.to_string());
            prop_assert_eq!(&form(&form_of), &form_of);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            canonical(&bytes, |_, _| false);
        }
    }
}
