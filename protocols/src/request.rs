//! A conversation and what is wanted of the next reply, whatever API asked.

use crate::{
    json::{At, Field, Json},
    protocol::CallerApi,
};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// Whose words its fields are in.
    pub caller: CallerApi,
    pub model: String,
    /// In their order, instructions included.
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Whether one reply may call several tools; unsaid, it may.
    pub parallel_tool_calls: Option<bool>,
    pub format: Option<Format>,
    pub reasoning: Option<Reasoning>,
    pub sampling: Sampling,
    pub stream: bool,
    /// Whether the caller of a stream wants to be told its usage; APIs that always tell set it.
    pub stream_usage: bool,
    /// Who the end user is, by the caller's own name.
    pub user: Option<String>,
    /// What only the caller's API has a word for.
    pub rest: Vec<Field>,
}

/// How tokens are drawn and when to stop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling {
    pub max_output_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Vec<String>,
    /// How many replies.
    pub n: Option<u64>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
    /// Holds only tool results.
    Tool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// Of the participant.
    pub name: Option<String>,
    pub at: At,
    pub rest: Vec<Field>,
}

impl Message {
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            role,
            parts,
            name: None,
            at: At::default(),
            rest: Vec::new(),
        }
    }
}

/// A piece of a message. Holds content: what is shown of it in errors is only `at`.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub content: Content,
    /// The prompt up to here should be kept in the provider's cache.
    pub cache: Option<CacheTtl>,
    /// What the provider that wrote this part wants back with it, unread (Anthropic's and Gemini's signatures
    /// of thoughts and of the calls that follow them, OpenAI's encrypted reasoning).
    pub signature: Option<String>,
    pub at: At,
    pub rest: Vec<Field>,
}

impl Part {
    pub fn new(content: Content) -> Self {
        Self {
            content,
            cache: None,
            signature: None,
            at: At::default(),
            rest: Vec::new(),
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = At(at.into());
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text(String),
    /// The assistant's own words for why it does not answer.
    Refusal(String),
    Image(Media),
    Audio(Media),
    Document(Media),
    ToolCall {
        id: String,
        name: String,
        /// JSON text as the model wrote it, which need not be valid.
        arguments: String,
    },
    ToolResult {
        call_id: String,
        /// Text, images and documents.
        parts: Vec<Part>,
        is_error: bool,
    },
    Thinking(String),
    /// Encrypted: only its provider can read it; it stands in the part's `signature`.
    RedactedThinking,
}

impl Content {
    /// Plain words: no refusal, no thought.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Refusal(_)
            | Self::Image(_)
            | Self::Audio(_)
            | Self::Document(_)
            | Self::ToolCall { .. }
            | Self::ToolResult { .. }
            | Self::Thinking(_)
            | Self::RedactedThinking => None,
        }
    }
}

/// An image, a sound or a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub source: Source,
    /// `image/png`; empty where the caller did not say.
    pub mime: String,
    /// Of a document.
    pub name: Option<String>,
    /// Of an image.
    pub detail: Option<Detail>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Url(String),
    /// Base64, standard alphabet with padding.
    Data(String),
    /// Uploaded before, to the provider whose id it is.
    File(String),
    /// A document that is plain text.
    Text(String),
}

impl Media {
    /// Data as a URL, where its type is known; else as it is.
    pub(crate) fn data_url(&self, data: &str) -> String {
        if self.mime.is_empty() {
            return data.to_owned();
        }
        format!("data:{};base64,{data}", self.mime)
    }
}

/// A type and a subtype (RFC 6838, section 4.2), without parameters.
pub(crate) fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !name.is_empty() && name.bytes().all(allowed)
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

impl Source {
    /// Data of a document: a URL of it, or base64 as it is, whose type the document's name tells.
    pub(crate) fn of_document(data: String, name: Option<&str>) -> (Self, String) {
        let (source, mime) = match data.starts_with("data:") {
            true => Self::of_url(data),
            false => (Self::Data(data), String::new()),
        };
        let is_untyped = mime.is_empty() && matches!(source, Self::Data(_));
        let lower = name.unwrap_or_default().to_ascii_lowercase();
        if is_untyped && lower.ends_with(".pdf") {
            return (source, "application/pdf".to_owned());
        }
        (source, mime)
    }

    /// An address, or the data that it holds itself (RFC 2397, base64 only), and the type of that.
    pub(crate) fn of_url(url: String) -> (Self, String) {
        let data = url
            .strip_prefix("data:")
            .and_then(|data| data.split_once(','));
        let data = data.and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)));
        // Parameters such as a character set may follow the type.
        let data = data.map(|(head, data)| (head.split(';').next().unwrap_or_default(), data));
        // One whose type is none is for the provider to refuse.
        match data.filter(|(mime, _)| mime.is_empty() || is_media_type(mime)) {
            Some((mime, data)) => (Self::Data(data.to_owned()), mime.to_owned()),
            None => (Self::Url(url), String::new()),
        }
    }
}

/// How closely an image is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Auto,
    Low,
    High,
}

/// How long a cached prompt is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTtl {
    FiveMinutes,
    OneHour,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON schema of the arguments; unsaid, it takes none.
    pub parameters: Option<Json>,
    /// The arguments must follow the schema.
    pub strict: Option<bool>,
    pub cache: Option<CacheTtl>,
    pub at: At,
    pub rest: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    /// No call.
    None,
    /// Any tool, but one.
    Required,
    Tool(String),
}

/// The form of the reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    Text,
    /// Any JSON object.
    JsonObject,
    JsonSchema {
        name: String,
        description: Option<String>,
        schema: Json,
        strict: Option<bool>,
    },
}

/// How much the model thinks before it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    /// Said in tokens.
    pub budget_tokens: Option<u64>,
    /// Whether thoughts, or a summary of them, should be shown; unsaid, as the provider does.
    pub shown: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// No thinking.
    None,
    Minimal,
    Low,
    Medium,
    High,
    ExtraHigh,
}

impl Effort {
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::ExtraHigh,
    ];

    /// OpenAI's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::ExtraHigh => "xhigh",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == text)
    }

    /// In tokens, for APIs that want a number: what Google documents for its own translation of these words
    /// (<https://ai.google.dev/gemini-api/docs/openai>), with `xhigh` continuing it.
    pub fn budget_tokens(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 24_576,
            Self::ExtraHigh => 32_768,
        }
    }

    /// The least effort whose budget is at least this; the reverse of [`Effort::budget_tokens`].
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..=1_024 => Self::Low,
            1_025..=8_192 => Self::Medium,
            8_193..=24_576 => Self::High,
            _ => Self::ExtraHigh,
        }
    }
}
