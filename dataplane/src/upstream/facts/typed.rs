//! The same facts of replies that are read in their typed form.

use floopy_protocols::{Content, Delta, Event, Finish, Reply, Usage};
use floopy_shared::domain::money;

use super::Facts;

impl Facts {
    /// Of a whole reply.
    pub(in crate::upstream) fn of_reply(reply: &Reply, max_text: usize) -> Self {
        let mut facts = Self::new(max_text);
        facts.named(&reply.id);
        facts.usage = reply.usage.as_ref().map(spent);
        for choice in &reply.choices {
            for (at, part) in (0..).zip(&choice.parts) {
                if let Content::ToolCall {
                    id,
                    name,
                    arguments,
                } = &part.content
                {
                    let tools = facts.tools.get_or_insert_default();
                    tools.begin((choice.index, at), id, name);
                    tools.add((choice.index, at), arguments);
                }
                facts.add_part(&part.content);
            }
            if let Some(finish) = &choice.finish {
                facts.finish(choice.index, finish);
            }
        }
        facts
    }

    /// Of embeddings, which say nothing but what they cost.
    pub(in crate::upstream) fn of_embeddings(usage: Option<&Usage>) -> Self {
        Self {
            usage: usage.map(spent),
            ..Self::default()
        }
    }

    /// Of one event of a stream.
    pub(in crate::upstream) fn observe(&mut self, event: &Event) {
        match event {
            Event::Start { id, .. } => self.named(id),
            Event::Delta {
                choice,
                part,
                delta,
            } => {
                self.add_call((*choice, *part), delta);
                self.add_delta(delta);
            }
            Event::Logprobs { .. } => {}
            Event::Finish { choice, finish } => self.finish(*choice, finish),
            Event::Usage(usage) => self.usage = Some(spent(usage)),
            Event::Error(_) => self.failed = true,
            Event::Done => self.done = true,
        }
    }

    fn named(&mut self, id: &str) {
        if !id.is_empty() && id.len() <= 256 {
            self.completion_id.get_or_insert_with(|| id.to_owned());
        }
    }

    fn finish(&mut self, choice: u32, finish: &Finish) {
        self.finished = true;
        match finish {
            Finish::ContentFilter | Finish::Refusal => self.refused = true,
            Finish::Failed(_) => self.failed = true,
            Finish::Length | Finish::ContextLength => self.cut_tools(choice),
            Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls | Finish::Paused => {}
        }
    }

    fn add_part(&mut self, content: &Content) {
        match content {
            Content::Text(text) => self.add_text(text),
            Content::Refusal(text) => {
                self.refused = true;
                self.add_text(text);
            }
            Content::ToolCall {
                name, arguments, ..
            } => {
                self.calls_tools = true;
                self.text_bytes += (name.len() + arguments.len()) as u64;
            }
            Content::Thinking(text) => self.text_bytes += text.len() as u64,
            Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult { .. }
            | Content::RedactedThinking => {}
        }
    }

    fn add_call(&mut self, call: (u32, u32), delta: &Delta) {
        match delta {
            Delta::ToolCall { id, name } => {
                self.tools.get_or_insert_default().begin(call, id, name)
            }
            Delta::Arguments(piece) => self.tools.get_or_insert_default().add(call, piece),
            Delta::Text(_)
            | Delta::Refusal(_)
            | Delta::Thinking(_)
            | Delta::Signature(_)
            | Delta::RedactedThinking(_) => {}
        }
    }

    /// Thoughts are paid for, and not judged.
    fn add_delta(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(text) => self.add_text(text),
            Delta::Arguments(text) => self.text_bytes += text.len() as u64,
            Delta::Refusal(text) => {
                self.refused = true;
                self.add_text(text);
            }
            Delta::ToolCall { name, .. } => {
                self.calls_tools = true;
                self.text_bytes += name.len() as u64;
            }
            Delta::Thinking(text) => self.text_bytes += text.len() as u64,
            Delta::Signature(_) | Delta::RedactedThinking(_) => {}
        }
    }
}

fn spent(usage: &Usage) -> money::Usage {
    money::Usage {
        input: usage.input,
        cached_input: usage.cached_input,
        output: usage.output,
    }
}
