//! JSON read field by field: every error knows where it is, what nobody asked for is left over and not lost,
//! and values that only pass through keep their bytes.

mod out;

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Serialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub use self::out::Out;
use crate::error::Invalid;

/// A value that passes through as it was written. Not shown: it may be content.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// `None`: not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        RawValue::from_string(text.to_owned()).ok().map(Self)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Read as an object whose place in the request is `at`.
    pub fn object(&self, at: &str) -> Result<Object<'_>, Invalid> {
        Object::read(&self.0, at.to_owned())
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }
}

/// Two ways of writing one value are the same.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        let value = |json: &Self| serde_json::from_str::<serde_json::Value>(json.text()).ok();
        self.text() == other.text() || value(self) == value(other)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.text().len())
    }
}

/// Where in the caller's request something stands, such as `messages[2].content[0]`. It is no part of what is
/// said: two places are equal.
#[derive(Debug, Clone, Default, Eq)]
pub struct At(pub String);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field that the typed form has no word for.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name without the place: `store`, `logit_bias`.
    pub name: String,
    pub at: At,
    pub value: Json,
}

/// An element of an array, and where it is.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    pub raw: &'a RawValue,
    pub at: String,
}

impl<'a> Item<'a> {
    pub fn object(&self) -> Result<Object<'a>, Invalid> {
        Object::read(self.raw, self.at.clone())
    }

    pub fn is_string(&self) -> bool {
        self.raw.get().starts_with('"')
    }

    pub fn string(&self) -> Result<String, Invalid> {
        string(self.raw, &self.at)
    }

    /// Its elements, where it is an array itself.
    pub fn items(&self) -> Result<Vec<Self>, Invalid> {
        items(self.raw, &self.at)
    }
}

/// An object whose fields are taken one by one. `null` is the same as nothing.
#[derive(Debug)]
pub struct Object<'a> {
    at: String,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The top of a body.
    pub fn top(body: &'a [u8]) -> Result<Self, Invalid> {
        let raw: &RawValue =
            serde_json::from_slice(body).map_err(|e| Invalid::NotJson(e.to_string()))?;
        Self::read(raw, String::new())
    }

    /// `at` is where it stands; empty at the top.
    pub fn read(raw: &'a RawValue, at: String) -> Result<Self, Invalid> {
        if !raw.get().starts_with('{') {
            return Err(Invalid::wrong(&at, raw.get(), "a JSON object"));
        }
        let fields: Fields<'a> =
            serde_json::from_str(raw.get()).map_err(|e| Invalid::NotJson(e.to_string()))?;
        let Fields(fields) = fields;
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Invalid::Duplicate(join(&at, twice[0])));
        }
        Ok(Self { at, fields })
    }

    /// The names of what was not taken yet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }

    /// Where it stands.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Where a field of it stands.
    pub fn at_of(&self, name: &str) -> String {
        join(&self.at, name)
    }

    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let index = self.fields.iter().position(|(field, _)| field == name)?;
        let (_, raw) = self.fields.remove(index);
        (raw.get() != "null").then_some(raw)
    }

    pub fn json(&mut self, name: &str) -> Option<Json> {
        self.take(name).map(Json::from)
    }

    pub fn string(&mut self, name: &str) -> Result<Option<String>, Invalid> {
        self.take(name)
            .map(|raw| string(raw, &join(&self.at, name)))
            .transpose()
    }

    pub fn required_string(&mut self, name: &str) -> Result<String, Invalid> {
        self.string(name)?
            .ok_or_else(|| self.missing(name, "a string"))
    }

    pub fn bool(&mut self, name: &str) -> Result<Option<bool>, Invalid> {
        self.typed(name, "true or false")
    }

    pub fn u64(&mut self, name: &str) -> Result<Option<u64>, Invalid> {
        self.typed(name, "a whole number")
    }

    pub fn i64(&mut self, name: &str) -> Result<Option<i64>, Invalid> {
        self.typed(name, "a whole number")
    }

    pub fn f64(&mut self, name: &str) -> Result<Option<f64>, Invalid> {
        const NUMBER: &str = "a number";
        let Some(raw) = self.take(name) else {
            return Ok(None);
        };
        // Not by serde, which is off by a bit now and then. What has too many digits for a number is none.
        let is_number = raw
            .get()
            .starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let number = raw
            .get()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite());
        let number = number.filter(|_| is_number);
        number
            .map(Some)
            .ok_or_else(|| self.wrong(name, raw.get(), NUMBER))
    }

    pub fn object(&mut self, name: &str) -> Result<Option<Object<'a>>, Invalid> {
        self.take(name)
            .map(|raw| Object::read(raw, join(&self.at, name)))
            .transpose()
    }

    pub fn array(&mut self, name: &str) -> Result<Option<Vec<Item<'a>>>, Invalid> {
        self.take(name)
            .map(|raw| items(raw, &join(&self.at, name)))
            .transpose()
    }

    /// An array, or nothing at all, which is the same as an empty one.
    pub fn list(&mut self, name: &str) -> Result<Vec<Item<'a>>, Invalid> {
        Ok(self.array(name)?.unwrap_or_default())
    }

    /// What was not taken.
    pub fn rest(self) -> Vec<Field> {
        let at = self.at;
        let fields = self.fields.into_iter();
        fields
            .filter(|(_, raw)| raw.get() != "null")
            .map(|(name, raw)| Field {
                at: At(join(&at, &name)),
                name: name.into_owned(),
                value: Json::from(raw),
            })
            .collect()
    }

    pub fn missing(&self, name: &str, expected: &'static str) -> Invalid {
        Invalid::Missing {
            field: join(&self.at, name),
            expected,
        }
    }

    /// That a value which was taken is not what it must be.
    pub fn wrong(&self, name: &str, found: &str, expected: &'static str) -> Invalid {
        Invalid::wrong(&join(&self.at, name), found, expected)
    }

    fn typed<T: Deserialize<'a>>(
        &mut self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, Invalid> {
        let Some(raw) = self.take(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| self.wrong(name, raw.get(), expected))
    }
}

/// The elements of an array that stands at `at`.
fn items<'a>(raw: &'a RawValue, at: &str) -> Result<Vec<Item<'a>>, Invalid> {
    let items: Vec<&'a RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| Invalid::wrong(at, raw.get(), "an array"))?;
    let items = items.into_iter().enumerate();
    Ok(items
        .map(|(index, raw)| Item {
            raw,
            at: format!("{at}[{index}]"),
        })
        .collect())
}

fn string(raw: &RawValue, at: &str) -> Result<String, Invalid> {
    serde_json::from_str(raw.get()).map_err(|_| Invalid::wrong(at, raw.get(), "a string"))
}

/// A name that is empty is seen as one.
fn join(at: &str, name: &str) -> String {
    let name = if name.is_empty() { "\"\"" } else { name };
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// The fields of an object in their order, repeated ones too.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(name) = map.next_key::<Name<'de>>()? {
            fields.push((name.0, map.next_value()?));
        }
        Ok(Fields(fields))
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_and_what_is_left_keeps_its_place() {
        let raw: &RawValue =
            serde_json::from_str(r#"{"a":1,"b":{"c":"x","d":2.50},"e":null,"f":[1,"y"]}"#).unwrap();
        let mut object = Object::read(raw, String::new()).unwrap();
        assert_eq!(object.u64("a").unwrap(), Some(1));
        let mut inner = object.object("b").unwrap().unwrap();
        assert_eq!(inner.string("c").unwrap().as_deref(), Some("x"));
        let rest = inner.rest();
        assert_eq!(
            (rest[0].at.0.as_str(), rest[0].value.text()),
            ("b.d", "2.50")
        );
        let items = object.array("f").unwrap().unwrap();
        assert_eq!(items[1].at, "f[1]");
        assert!(object.rest().is_empty(), "null is nothing");
    }

    #[test]
    fn errors_say_where_and_what_without_repeating_content() {
        let body = br#"{"model":5,"messages":[{"content":"my secret"}]}"#;
        let mut top = Object::top(body).unwrap();
        let error = top.string("model").unwrap_err().to_string();
        assert_eq!(error, "model is the number 5, it must be a string");
        let messages = top.list("messages").unwrap();
        let mut message = messages[0].object().unwrap();
        let error = message.u64("content").unwrap_err().to_string();
        assert_eq!(
            error,
            "messages[0].content is a string, it must be a whole number"
        );
        let twice = Object::top(br#"{"a":1,"\u0061":2}"#)
            .unwrap_err()
            .to_string();
        assert_eq!(twice, "the field a occurs twice");
    }
}
