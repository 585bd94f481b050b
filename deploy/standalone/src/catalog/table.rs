//! Columns for the terminal.

/// Which side a column's texts stand on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Rows under their heads, each column as wide as its widest text.
pub(crate) fn table(columns: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let texts = cells.map(|cell| cell.chars().count());
        texts.chain([columns[column].0.len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(columns).zip(&widths);
        let padded = padded.map(|((cell, (_, side)), width)| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    let heads: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let mut lines = vec![line(&heads)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// `128000` as `128k`, `1048576` as `1.05M`: as much as tells models apart.
#[expect(clippy::cast_precision_loss, reason = "shown to three digits")]
pub(super) fn tokens(count: Option<u64>) -> String {
    match count {
        None => "?".to_owned(),
        Some(count) if count < 1_000 => count.to_string(),
        Some(count) if count < 1_000_000 => format!("{}k", count / 1_000),
        Some(count) => {
            let millions = format!("{:.2}", count as f64 / 1e6);
            format!("{}M", millions.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        let rows = vec![
            vec!["a".to_owned(), "10".to_owned(), "x".to_owned()],
            vec!["längerer".to_owned(), "9".to_owned(), String::new()],
        ];
        let columns = [
            ("NAME", Side::Left),
            ("N", Side::Right),
            ("END", Side::Left),
        ];
        let shown = table(&columns, &rows);
        assert_eq!(shown, "NAME       N  END\na         10  x\nlängerer   9");
    }

    #[test]
    fn counts_are_short() {
        let shown = [
            None,
            Some(512),
            Some(128_000),
            Some(1_000_000),
            Some(1_047_576),
        ]
        .map(tokens);
        assert_eq!(shown, ["?", "512", "128k", "1M", "1.05M"]);
    }
}
