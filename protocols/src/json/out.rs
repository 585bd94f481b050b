//! An object written field by field, where names depend on whom it is for.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::{RawValue, to_raw_value};

/// Fields in the order in which they were put.
#[derive(Debug, Default)]
pub struct Out(Vec<(&'static str, Box<RawValue>)>);

impl Out {
    /// A value that cannot be JSON (a map with keys that are not strings) is left out; nothing here is one.
    pub fn put<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        if let Ok(raw) = to_raw_value(value) {
            self.0.push((name, raw));
        }
    }

    pub fn put_some<T: Serialize>(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.put(name, &value);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

impl Serialize for Out {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
