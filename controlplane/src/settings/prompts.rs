//! Stored prompts as they are written in JSON, and what proxies are told of them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use floopy_shared::domain::{
    ids::TenantId,
    prompt::{self, Message, Prompt, Prompts, Role, Variable, Version},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::read;
use crate::store::{
    Store, StoreError,
    settings::{self, Document, Kind},
};

/// A prompt without its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenPrompt {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// The newest version. Numbers are given out once.
    pub(crate) latest: u32,
}

impl WrittenPrompt {
    /// Reads what was checked before it was written.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        read(document)
    }
}

/// What a version says.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) messages: Vec<WrittenMessage>,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, WrittenVariable>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenMessage {
    pub(crate) role: String,
    pub(crate) content: String,
}

#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenVariable {
    /// A string, a number or a boolean.
    #[serde(default)]
    pub(crate) default: Option<Value>,
    #[serde(default)]
    pub(crate) required: bool,
}

/// A version as it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WrittenVersion {
    pub(crate) content: Content,
    /// The id of the key that saved it.
    pub(crate) author: String,
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// The version that it was restored from.
    #[serde(default)]
    pub(crate) restored_from: Option<u32>,
    /// How much text it holds.
    pub(crate) bytes: usize,
}

impl WrittenVersion {
    /// Reads what was checked before it was written. An error does not show it: it is content.
    pub(crate) fn read(document: &Document) -> Result<Self, StoreError> {
        let corrupt = |e: serde_json::Error| format!("{:?} error at {}", e.classify(), e.column());
        serde_json::from_str(&document.body)
            .map_err(|e| StoreError::corrupt("prompt version", corrupt(e)))
    }
}

impl Content {
    /// How much room it takes as a version with so much text.
    pub(crate) fn room(&self, text_bytes: usize) -> usize {
        prompt::room(text_bytes, self.messages.len(), self.variables.len())
    }

    /// As proxies know it; `None` where a role is none.
    pub(crate) fn to_domain(&self, number: u32) -> Option<Version> {
        let message = |message: &WrittenMessage| {
            Some(Message {
                role: Role::parse(&message.role)?,
                content: message.content.as_str().into(),
            })
        };
        let variable = |(name, variable): (&String, &WrittenVariable)| Variable {
            name: name.as_str().into(),
            default: variable.default.as_ref().map(|default| {
                let text = default.as_str().map(Into::into);
                text.unwrap_or_else(|| default.to_string().into())
            }),
            required: variable.required,
        };
        Some(Version {
            number,
            messages: self.messages.iter().map(message).collect::<Option<_>>()?,
            variables: self.variables.iter().map(variable).collect(),
        })
    }
}

/// The id of a version's document: in the order of the numbers.
pub(crate) fn version_id(prompt: &str, number: u32) -> String {
    format!("{prompt}/{number:010}")
}

/// The prompt and the number that a version's document is of.
pub(crate) fn version_of(document: &Document) -> Result<(&str, u32), StoreError> {
    let parts = document.id.split_once('/');
    let read = parts.and_then(|(prompt, number)| Some((prompt, number.parse().ok()?)));
    read.ok_or_else(|| StoreError::corrupt("prompt version", &document.id))
}

/// The prompts of every tenant that has any.
pub(crate) async fn all(store: &Store) -> Result<BTreeMap<TenantId, Arc<Prompts>>, StoreError> {
    let mut found: BTreeMap<TenantId, Vec<Document>> = BTreeMap::new();
    for (tenant, document) in settings::of_all(store, Kind::PromptVersion).await? {
        found.entry(tenant).or_default().push(document);
    }
    let mut all = BTreeMap::new();
    for (tenant, documents) in found {
        if let Some(prompts) = usable(&tenant, &documents) {
            all.insert(tenant, Arc::new(prompts));
        }
    }
    Ok(all)
}

/// The prompts of one tenant, if it has any.
pub(crate) async fn of(store: &Store, tenant: &TenantId) -> Result<Option<Prompts>, StoreError> {
    let mut conn = store.read().acquire().await?;
    let documents = settings::list(&mut conn, tenant, Kind::PromptVersion).await?;
    Ok(usable(tenant, &documents))
}

/// What cannot be read, or what no proxy would take, is that tenant's trouble and nobody else's.
fn usable(tenant: &TenantId, documents: &[Document]) -> Option<Prompts> {
    let read = gather(tenant, documents).and_then(|prompts| {
        let checked = prompts.validate();
        checked.map_err(|e| StoreError::corrupt("prompts", e))?;
        Ok(prompts)
    });
    match read {
        Ok(prompts) => (!prompts.prompts.is_empty()).then_some(prompts),
        Err(error) => {
            tracing::error!(%error, %tenant, "stored prompts are left out");
            None
        }
    }
}

fn gather(tenant: &TenantId, documents: &[Document]) -> Result<Prompts, StoreError> {
    let mut prompts: BTreeMap<Uuid, Prompt> = BTreeMap::new();
    for document in documents {
        let (id, number) = version_of(document)?;
        let id = Uuid::try_parse(id).map_err(|e| StoreError::corrupt("prompt version", e))?;
        let content = WrittenVersion::read(document)?.content;
        let version = content.to_domain(number);
        let version = version.ok_or_else(|| StoreError::corrupt("prompt version", "a role"))?;
        let prompt = match prompts.entry(id) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(free) => free.insert(Prompt {
                id,
                versions: Vec::new(),
            }),
        };
        prompt.versions.push(Arc::new(version));
    }
    for prompt in prompts.values_mut() {
        prompt.versions.sort_by_key(|version| version.number);
    }
    Ok(Prompts {
        tenant: tenant.clone(),
        prompts: prompts.into_values().collect(),
    })
}
