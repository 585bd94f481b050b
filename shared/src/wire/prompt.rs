//! Stored prompts.

use std::sync::Arc;

use floopy_proto::v1;

use super::{InvalidWire, id_bytes, ranking, uuid};
use crate::domain::prompt::{Message, Prompt, Prompts, Role, Variable, Version};

impl From<&Version> for v1::StoredVersion {
    fn from(v: &Version) -> Self {
        let message = |message: &Message| v1::PromptMessage {
            role: message.role.as_str().to_owned(),
            content: message.content.to_string(),
        };
        let variable = |variable: &Variable| v1::PromptVariable {
            name: variable.name.to_string(),
            default: variable.default.as_deref().map(str::to_owned),
            required: variable.required,
        };
        Self {
            number: v.number,
            messages: v.messages.iter().map(message).collect(),
            variables: v.variables.iter().map(variable).collect(),
        }
    }
}

impl TryFrom<v1::StoredVersion> for Version {
    type Error = InvalidWire;

    fn try_from(v: v1::StoredVersion) -> Result<Self, InvalidWire> {
        let message = |message: v1::PromptMessage| {
            let role = Role::parse(&message.role)
                .ok_or_else(|| InvalidWire::invalid("role", &message.role))?;
            Ok(Message {
                role,
                content: message.content.into(),
            })
        };
        let variable = |variable: v1::PromptVariable| Variable {
            name: variable.name.into(),
            default: variable.default.map(Into::into),
            required: variable.required,
        };
        Ok(Self {
            number: v.number,
            messages: v
                .messages
                .into_iter()
                .map(message)
                .collect::<Result<_, InvalidWire>>()?,
            variables: v.variables.into_iter().map(variable).collect(),
        })
    }
}

impl From<&Prompts> for v1::Prompts {
    fn from(p: &Prompts) -> Self {
        let prompt = |prompt: &Prompt| v1::Prompt {
            id: id_bytes(prompt.id),
            versions: prompt.versions.iter().map(|v| v.as_ref().into()).collect(),
        };
        Self {
            tenant: p.tenant.to_string(),
            prompts: p.prompts.iter().map(prompt).collect(),
        }
    }
}

impl TryFrom<v1::Prompts> for Prompts {
    type Error = InvalidWire;

    fn try_from(p: v1::Prompts) -> Result<Self, InvalidWire> {
        let version = |version: v1::StoredVersion| Ok(Arc::new(version.try_into()?));
        let prompt = |prompt: v1::Prompt| {
            Ok(Prompt {
                id: uuid(&prompt.id, "id")?,
                versions: prompt
                    .versions
                    .into_iter()
                    .map(version)
                    .collect::<Result<_, InvalidWire>>()?,
            })
        };
        Ok(Self {
            tenant: ranking::tenant(&p.tenant)?,
            prompts: p
                .prompts
                .into_iter()
                .map(prompt)
                .collect::<Result<_, InvalidWire>>()?,
        })
    }
}
