//! What people read in the terminal: the only place that writes to it.

use std::io::{self, IsTerminal, Write};

/// Standard output and standard error. A terminal that went away is no reason to stop serving, so that
/// failed writes are ignored.
#[derive(Debug)]
pub struct Console {
    tty: bool,
    /// Lines of the block that the next one replaces.
    block_lines: usize,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            tty: io::stdout().is_terminal(),
            block_lines: 0,
        }
    }
}

impl Console {
    /// A text and a line end on standard output.
    pub fn say(&mut self, text: &str) {
        self.end_block();
        self.write(&format!("{text}\n"));
    }

    /// A text and a line end on standard error.
    pub fn complain(&mut self, text: &str) {
        self.end_block();
        let _gone = writeln!(io::stderr().lock(), "{text}");
    }

    /// Whether progress is redrawn in place.
    pub fn redraws(&self) -> bool {
        self.tty
    }

    /// Lines that replace the block drawn before them; only for terminals.
    pub fn block(&mut self, lines: &[String]) {
        let mut text = String::new();
        if self.block_lines > 0 {
            text.push_str(&format!("\x1b[{}A", self.block_lines));
        }
        for line in lines {
            text.push_str(&format!("\r\x1b[2K{line}\n"));
        }
        self.block_lines = lines.len();
        self.write(&text);
    }

    /// Leaves the last block standing.
    pub fn end_block(&mut self) {
        self.block_lines = 0;
    }

    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
