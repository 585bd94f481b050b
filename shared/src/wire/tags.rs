//! What a call is found again by.

use floopy_proto::v1;

use super::non_empty;
use crate::domain::tags::Tags;

impl From<&Tags> for v1::Tags {
    fn from(tags: &Tags) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let property = |(name, value): (&String, &String)| v1::Property {
            name: name.clone(),
            value: value.clone(),
        };
        Self {
            session_name: text(&tags.session_name),
            session_path: text(&tags.session_path),
            user: text(&tags.user),
            properties: tags.properties.iter().map(property).collect(),
        }
    }
}

impl From<v1::Tags> for Tags {
    fn from(tags: v1::Tags) -> Self {
        let own = tags.properties.into_iter();
        Self {
            session_name: non_empty(tags.session_name),
            session_path: non_empty(tags.session_path),
            user: non_empty(tags.user),
            properties: own.map(|own| (own.name, own.value)).collect(),
        }
    }
}
