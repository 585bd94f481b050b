//! What a reply gives away, found while it comes: secrets, personal data, and the system prompt that it was asked with. What is
//! found first, and where, does not depend on how the reply was cut.

mod prompt;
mod run;
mod words;

use std::sync::Arc;

use self::run::Run;
pub use self::{prompt::Prompt, words::RUN};
use super::{
    firewall::output::{Leak, Leaked, Output},
    sensitive::{Offset, Window},
};

/// What is looked for in one reply.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `None`: the prompt is not looked for, or too short to be told from other words.
    prompt: Option<Arc<Prompt>>,
    secrets: bool,
    personal_data: bool,
}

impl Wanted {
    /// `prompt`: of the call.
    pub fn new(output: &Output, prompt: impl FnOnce() -> Prompt) -> Self {
        let prompt = output.looks_for(Leak::SystemPrompt).then(prompt);
        Self {
            prompt: prompt.filter(|prompt| !prompt.is_empty()).map(Arc::new),
            secrets: output.looks_for(Leak::Secrets),
            personal_data: output.looks_for(Leak::PersonalData),
        }
    }

    fn has(&self, leak: Leak) -> bool {
        match leak {
            Leak::SystemPrompt => self.prompt.is_some(),
            Leak::Secrets => self.secrets,
            Leak::PersonalData => self.personal_data,
        }
    }
}

/// One text of a reply as far as it came.
#[derive(Debug)]
pub struct Watch {
    wanted: Wanted,
    window: Option<Window>,
    run: Option<Run>,
    /// What each of them found first, and where it begins.
    sensitive: Option<(Leaked, Offset)>,
    prompt: Option<(Leaked, Offset)>,
    /// Bytes that came.
    came: u64,
}

impl Watch {
    pub fn new(wanted: &Wanted) -> Self {
        let has_window = wanted.secrets || wanted.personal_data;
        let prompt = wanted.prompt.as_ref();
        Self {
            wanted: wanted.clone(),
            window: has_window.then(Window::default),
            run: prompt.map(|prompt| Run::new(Arc::clone(prompt))),
            sensitive: None,
            prompt: None,
            came: 0,
        }
    }

    /// Adds what came. Tells what the text gives away first, and how many characters come before it, once nothing that may
    /// still come can be before that.
    pub fn push(&mut self, piece: &str) -> Option<(Leaked, u64)> {
        self.came += piece.len() as u64;
        if let Some(window) = &mut self.window {
            window.push(piece);
        }
        self.read(|run| run.push(piece));
        self.look(false)
    }

    /// The same where nothing more comes.
    pub fn finish(&mut self) -> Option<(Leaked, u64)> {
        self.read(Run::finish);
        self.look(true)
    }

    /// Bytes that came.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// How many bytes at the end of what came may be the beginning of something.
    pub fn held(&self) -> u64 {
        let window = self.window.as_ref().map(Window::decided);
        let run = self.run.as_ref().map(Run::suspected);
        let found = [self.sensitive, self.prompt].map(|found| found.map(|(_, at)| at.bytes));
        let from = found.into_iter().chain([window, run]).flatten().min();
        self.came - from.unwrap_or(self.came).min(self.came)
    }

    fn read(&mut self, read: impl FnOnce(&mut Run) -> Option<Offset>) {
        if let (Some(run), None) = (&mut self.run, self.prompt) {
            self.prompt = read(run).map(|start| (Leaked::SystemPrompt, start));
        }
    }

    fn look(&mut self, is_whole: bool) -> Option<(Leaked, u64)> {
        while self.sensitive.is_none()
            && let Some(window) = &mut self.window
            && let Some((kind, start)) = window.next(is_whole)
        {
            let is_wanted = self.wanted.has(Leak::of(kind));
            self.sensitive = is_wanted.then_some((Leaked::Sensitive(kind), start));
        }
        let found = [self.prompt, self.sensitive].into_iter().flatten();
        let (leaked, start) = found.min_by_key(|(_, start)| start.bytes)?;
        // Who has found something has nothing more to find before it.
        let window = self.window.as_ref().filter(|_| self.sensitive.is_none());
        let run = self.run.as_ref().filter(|_| self.prompt.is_none());
        let open = [window.map(Window::decided), run.map(Run::possible)];
        let is_first = is_whole || open.into_iter().flatten().all(|from| start.bytes <= from);
        is_first.then_some((leaked, start.characters))
    }
}

#[cfg(test)]
mod tests;
