//! Which providers take batches, and by which API.

use http::Uri;

use super::Provider;

/// How a provider takes batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchApi {
    /// OpenAI's files and batches.
    Files,
    /// Anthropic's Message Batches, which take no files.
    Messages,
}

impl Provider {
    /// `None`: it takes none, or nobody knows in which form.
    pub(crate) fn batch_api(&self) -> Option<BatchApi> {
        self.address.base()?;
        match &*self.dialect {
            // Azure (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch) and Groq
            // (https://console.groq.com/docs/batch) have OpenAI's form.
            "openai" | "azure" | "groq" => Some(BatchApi::Files),
            "anthropic" => Some(BatchApi::Messages),
            _ => None,
        }
    }

    /// A path under its address; `None`: it has none that paths can be put under.
    pub(crate) fn uri_under(&self, path: &str) -> Option<Uri> {
        format!("{}/{path}", self.address.base()?).parse().ok()
    }
}
