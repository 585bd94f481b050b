//! Statements that are put together.

use std::fmt::{Display, Write};

use super::{Bind, Query, Value};

/// A statement in the making.
#[derive(Debug)]
pub(crate) struct QueryBuilder<'q> {
    text: String,
    values: Vec<Value<'q>>,
}

impl<'q> QueryBuilder<'q> {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{text}");
        self
    }

    /// Appends a parameter.
    pub(crate) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.value());
        self
    }

    /// Appends `VALUES` with a row for each.
    pub(crate) fn push_values<T>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(Separated<'_, 'q>, T),
    ) -> &mut Self {
        self.text.push_str("VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            self.text.push_str(if index == 0 { "(" } else { ", (" });
            fill(self.separated(", "), row);
            self.text.push(')');
        }
        self
    }

    /// Appends parameters with this between them.
    pub(crate) fn separated(&mut self, separator: &'static str) -> Separated<'_, 'q> {
        Separated {
            builder: self,
            separator,
            is_first: true,
        }
    }

    /// The text so far.
    #[cfg(test)]
    pub(crate) fn sql(&self) -> &str {
        &self.text
    }

    /// The statement with its values.
    pub(crate) fn build<'t>(&'t mut self) -> Query<'t>
    where
        'q: 't,
    {
        Query {
            text: &self.text,
            values: std::mem::take(&mut self.values),
        }
    }
}

/// Parameters in a row.
#[derive(Debug)]
pub(crate) struct Separated<'b, 'q> {
    builder: &'b mut QueryBuilder<'q>,
    separator: &'static str,
    is_first: bool,
}

impl<'q> Separated<'_, 'q> {
    pub(crate) fn push_bind(&mut self, value: impl Bind<'q>) -> &mut Self {
        self.push_value(value.value())
    }

    /// The same with a value whose kind is not known before.
    pub(crate) fn push_value(&mut self, value: Value<'q>) -> &mut Self {
        if !self.is_first {
            self.builder.text.push_str(self.separator);
        }
        self.is_first = false;
        self.builder.text.push('?');
        self.builder.values.push(value);
        self
    }
}
