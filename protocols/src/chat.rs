//! OpenAI chat completions (<https://platform.openai.com/docs/api-reference/chat>), which most providers speak
//! too, each in a dialect of its own.
