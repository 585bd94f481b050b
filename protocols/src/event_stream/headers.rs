//! The headers of a frame: names with values of ten types.

use bytes::{Buf, Bytes};

use super::FrameError;

/// In their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Headers(pub Vec<(String, HeaderValue)>);

#[derive(Debug, Clone, PartialEq)]
pub enum HeaderValue {
    /// Types 0 (true) and 1 (false).
    Bool(bool),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Bytes(Bytes),
    Text(String),
    /// Since 1970.
    TimestampMs(i64),
    Uuid([u8; 16]),
}

impl Headers {
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        let mut headers = self.0.iter();
        headers.find_map(|(found, value)| (found == name).then_some(value))
    }

    /// The value, if it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            HeaderValue::Text(text) => Some(text),
            HeaderValue::Bool(_)
            | HeaderValue::Byte(_)
            | HeaderValue::Short(_)
            | HeaderValue::Int(_)
            | HeaderValue::Long(_)
            | HeaderValue::Bytes(_)
            | HeaderValue::TimestampMs(_)
            | HeaderValue::Uuid(_) => None,
        }
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, FrameError> {
        let mut headers = Vec::new();
        while bytes.has_remaining() {
            let length = usize::from(bytes.get_u8());
            let name = take(&mut bytes, length)?;
            let name = String::from_utf8(name.to_vec()).map_err(|_| FrameError::HeaderName)?;
            if name.is_empty() {
                return Err(FrameError::HeaderName);
            }
            let value = value(&mut bytes, &name)?;
            headers.push((name, value));
        }
        Ok(Self(headers))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        for (name, value) in &self.0 {
            let length = u8::try_from(name.len()).map_err(|_| FrameError::HeaderName)?;
            if length == 0 {
                return Err(FrameError::HeaderName);
            }
            out.push(length);
            out.extend_from_slice(name.as_bytes());
            encode(value, name, out)?;
        }
        Ok(())
    }
}

fn take(bytes: &mut Bytes, length: usize) -> Result<Bytes, FrameError> {
    if bytes.len() < length {
        return Err(FrameError::HeaderCut);
    }
    Ok(bytes.split_to(length))
}

fn value(bytes: &mut Bytes, name: &str) -> Result<HeaderValue, FrameError> {
    let cut = |_| FrameError::HeaderCut;
    Ok(match bytes.try_get_u8().map_err(cut)? {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(bytes.try_get_i8().map_err(cut)?),
        3 => HeaderValue::Short(bytes.try_get_i16().map_err(cut)?),
        4 => HeaderValue::Int(bytes.try_get_i32().map_err(cut)?),
        5 => HeaderValue::Long(bytes.try_get_i64().map_err(cut)?),
        6 => HeaderValue::Bytes(counted(bytes)?),
        7 => {
            let text = String::from_utf8(counted(bytes)?.to_vec());
            HeaderValue::Text(text.map_err(|_| FrameError::HeaderText(name.to_owned()))?)
        }
        8 => HeaderValue::TimestampMs(bytes.try_get_i64().map_err(cut)?),
        9 => {
            let mut uuid = [0; 16];
            bytes.try_copy_to_slice(&mut uuid).map_err(cut)?;
            HeaderValue::Uuid(uuid)
        }
        kind => {
            return Err(FrameError::HeaderType {
                name: name.to_owned(),
                kind,
            });
        }
    })
}

/// Two bytes of length, and as many bytes.
fn counted(bytes: &mut Bytes) -> Result<Bytes, FrameError> {
    let length = bytes.try_get_u16().map_err(|_| FrameError::HeaderCut)?;
    take(bytes, usize::from(length))
}

fn encode(value: &HeaderValue, name: &str, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let mut fixed = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(bytes);
    };
    match value {
        HeaderValue::Bool(true) => fixed(0, &[]),
        HeaderValue::Bool(false) => fixed(1, &[]),
        HeaderValue::Byte(value) => fixed(2, &value.to_be_bytes()),
        HeaderValue::Short(value) => fixed(3, &value.to_be_bytes()),
        HeaderValue::Int(value) => fixed(4, &value.to_be_bytes()),
        HeaderValue::Long(value) => fixed(5, &value.to_be_bytes()),
        HeaderValue::TimestampMs(value) => fixed(8, &value.to_be_bytes()),
        HeaderValue::Uuid(value) => fixed(9, value),
        HeaderValue::Bytes(value) => return encode_counted(6, value, name, out),
        HeaderValue::Text(value) => return encode_counted(7, value.as_bytes(), name, out),
    }
    Ok(())
}

fn encode_counted(kind: u8, bytes: &[u8], name: &str, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = u16::try_from(bytes.len());
    let length = length.map_err(|_| FrameError::HeaderTooLong(name.to_owned()))?;
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: FrameError) {
        let found = Headers::decode(Bytes::copy_from_slice(bytes));
        assert_eq!(found, Err(expected));
    }

    #[test]
    fn headers_that_cannot_be_read_are_errors() {
        check(b"\x05ab", FrameError::HeaderCut);
        check(b"\x01a", FrameError::HeaderCut);
        check(b"\x01a\x05\0\0", FrameError::HeaderCut);
        check(b"\x01a\x07\0\x05abc", FrameError::HeaderCut);
        check(b"\x00\x00", FrameError::HeaderName);
        check(b"\x01\xff\x00", FrameError::HeaderName);
        check(b"\x01a\x07\0\x01\xff", FrameError::HeaderText("a".into()));
        let (name, kind) = ("a".to_owned(), 10);
        check(b"\x01a\x0a", FrameError::HeaderType { name, kind });
    }
}
