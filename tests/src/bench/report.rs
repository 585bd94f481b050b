//! Percentiles, and tables for people: on standard output and in a Markdown file alike.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Of values in ascending order.
pub fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// The middle one of some values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

/// Microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// One line on standard output.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A text that is shown as it grows and kept as a whole.
#[derive(Debug, Default)]
pub struct Report(String);

impl Report {
    /// A paragraph.
    pub fn text(&mut self, text: &str) {
        self.line(text);
        self.line("");
    }

    /// A table: names of columns, then rows.
    pub fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let width = |at: usize| {
            let cells = rows.iter().map(|row| row[at].chars().count());
            cells.max().unwrap_or(0).max(columns[at].chars().count())
        };
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let row = |cells: Vec<&str>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| {
                let gap = " ".repeat(width - cell.chars().count());
                format!(" {cell}{gap} |")
            });
            format!("|{}", padded.collect::<String>())
        };
        self.line(&row(columns.to_vec()));
        let rule: String = widths.iter().map(|w| "-".repeat(w + 2) + "|").collect();
        self.line(&format!("|{rule}"));
        for cells in rows {
            self.line(&row(cells.iter().map(String::as_str).collect()));
        }
        self.line("");
    }

    fn line(&mut self, line: &str) {
        say(line);
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// Writes the whole, in the repository it was built from.
    pub fn write(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&path, self.0.trim_end().to_owned() + "\n")?;
        Ok(path)
    }
}
