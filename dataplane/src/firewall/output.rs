//! Whether a reply gives something away: looked at as its caller will read it, whole or as it passes.

mod gate;
mod said;

use bytes::Bytes;
use floopy_protocols::CallerApi;
use floopy_shared::domain::{
    firewall::{
        Mode, Verdict,
        output::{Leak, Leaked, Output, Spot, Watched},
    },
    leaks::{Prompt, Wanted, Watch},
    snapshot::Tenant,
};

pub(crate) use self::gate::Gate;
use super::texts;
use crate::call::Call;

/// The system prompts of longer bodies are not looked for: reading them would hold up other calls.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Of a reply that came in one piece, so many bytes are looked at, for the same reason.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// Replies to one call that are looked at; the APIs allow no more.
const MAX_CHOICES: usize = 128;

/// What is looked for in the replies to one call.
pub(crate) struct Watching {
    wanted: Wanted,
    mode: Mode,
    api: CallerApi,
    /// The call is too long for its system prompt to be looked for.
    partial: bool,
}

impl Watching {
    /// `None`: nobody wants them looked at.
    pub(crate) fn of(tenant: &Tenant, call: &Call) -> Option<Self> {
        let output = &tenant.firewall.output;
        if output.mode == Mode::Off {
            return None;
        }
        let api = call.endpoint().api()?;
        Some(Self::new(output, api, call.body()))
    }

    fn new(output: &Output, api: CallerApi, body: &[u8]) -> Self {
        let is_too_long = body.len() > MAX_BODY_BYTES;
        let prompt = || {
            if is_too_long {
                return Prompt::default();
            }
            let said = texts::said(body);
            let [system, others] =
                [&said.system, &said.others].map(|texts| texts.iter().map(String::as_str));
            Prompt::new(system, others)
        };
        Self {
            wanted: Wanted::new(output, prompt),
            mode: output.mode,
            api,
            partial: is_too_long && output.looks_for(Leak::SystemPrompt),
        }
    }

    /// For a reply that is streamed.
    pub(crate) fn gate(self) -> Gate {
        Gate::new(self)
    }

    /// What is said of a reply that came in one piece.
    pub(crate) fn whole(&self, body: &[u8]) -> Watched {
        let mut texts = Texts::new(self);
        for (choice, text) in said::whole(self.api, body) {
            if texts.spot.is_none() {
                texts.add(choice, &text);
            }
        }
        texts.finish();
        texts.watched(self.mode)
    }

    /// What is said of a reply that was stored, as it was sent.
    pub(crate) fn stored(self, body: &Bytes) -> Watched {
        if body.trim_ascii_start().starts_with(b"{") {
            return self.whole(body);
        }
        let mut gate = self.gate();
        gate.take(body);
        gate.finish();
        gate.watched()
    }
}

/// The texts of one reply, as far as they came.
struct Texts {
    wanted: Wanted,
    texts: Vec<Text>,
    /// What was found first.
    spot: Option<Spot>,
    partial: bool,
    room: usize,
}

struct Text {
    choice: u32,
    watch: Watch,
}

impl Texts {
    fn new(watching: &Watching) -> Self {
        Self {
            wanted: watching.wanted.clone(),
            texts: Vec::new(),
            spot: None,
            partial: watching.partial,
            room: MAX_TEXT_BYTES,
        }
    }

    /// Of a reply in one piece: no more than what may be looked at at once.
    fn add(&mut self, choice: u32, text: &str) {
        let shown = &text[..text.floor_char_boundary(self.room)];
        self.room -= shown.len();
        self.partial |= shown.len() < text.len();
        self.push(choice, shown);
    }

    /// More of a choice's text; where it is among the texts.
    fn push(&mut self, choice: u32, piece: &str) -> Option<usize> {
        let known = self.texts.iter().position(|text| text.choice == choice);
        if known.is_none() && self.texts.len() == MAX_CHOICES {
            self.partial = true;
            return None;
        }
        let at = known.unwrap_or_else(|| {
            let watch = Watch::new(&self.wanted);
            self.texts.push(Text { choice, watch });
            self.texts.len() - 1
        });
        let found = self.texts[at].watch.push(piece);
        self.found(choice, found);
        Some(at)
    }

    /// Nothing more comes.
    fn finish(&mut self) {
        for at in 0..self.texts.len() {
            let found = self.texts[at].watch.finish();
            self.found(self.texts[at].choice, found);
        }
    }

    fn found(&mut self, choice: u32, found: Option<(Leaked, u64)>) {
        if let (None, Some((leaked, start))) = (self.spot, found) {
            self.spot = Some(Spot {
                leaked,
                choice,
                start,
            });
        }
    }

    fn watched(&self, mode: Mode) -> Watched {
        Watched {
            verdict: match self.spot {
                Some(_) => mode.verdict(),
                None => Verdict::Passed,
            },
            spot: self.spot,
            partial: self.partial,
        }
    }
}
