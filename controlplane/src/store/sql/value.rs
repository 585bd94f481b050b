//! Values that statements are given, as both databases take them.

use std::borrow::Cow;

use sqlx::{
    Arguments, Encode, Postgres, Type, error::BoxDynError, postgres::PgArguments,
    sqlite::SqliteArguments,
};

/// A value or the absence of one of its kind.
#[derive(Debug, Clone)]
pub(crate) enum Value<'q> {
    Integer(Option<i64>),
    Real(Option<f64>),
    Text(Option<Cow<'q, str>>),
    Bytes(Option<Cow<'q, [u8]>>),
}

/// What can be given to a statement.
pub(crate) trait Bind<'q> {
    fn value(self) -> Value<'q>;
    /// The absence of one.
    fn none() -> Value<'q>;
}

macro_rules! binds {
    ($($from:ty => $kind:ident, $given:ident, $value:expr;)*) => {$(
        impl<'q> Bind<'q> for $from {
            fn value(self) -> Value<'q> {
                let $given = self;
                Value::$kind(Some($value))
            }

            fn none() -> Value<'q> {
                Value::$kind(None)
            }
        }
    )*};
}

binds! {
    i64 => Integer, given, given;
    i32 => Integer, given, i64::from(given);
    u32 => Integer, given, i64::from(given);
    bool => Integer, given, i64::from(given);
    f64 => Real, given, given;
    &'q str => Text, given, Cow::Borrowed(given);
    &'q String => Text, given, Cow::Borrowed(given.as_str());
    String => Text, given, Cow::Owned(given);
    &'q [u8] => Bytes, given, Cow::Borrowed(given);
    &'q Vec<u8> => Bytes, given, Cow::Borrowed(given.as_slice());
    Vec<u8> => Bytes, given, Cow::Owned(given);
}

impl<'q, T: Bind<'q>> Bind<'q> for Option<T> {
    fn value(self) -> Value<'q> {
        self.map_or_else(T::none, T::value)
    }

    fn none() -> Value<'q> {
        T::none()
    }
}

/// The values as SQLite takes them; none is copied.
pub(super) fn for_sqlite(values: Vec<Value<'_>>) -> Result<SqliteArguments<'_>, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Integer(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(Some(Cow::Borrowed(value))) => arguments.add(value),
            Value::Bytes(Some(Cow::Owned(value))) => arguments.add(value),
            Value::Bytes(None) => arguments.add(None::<Vec<u8>>),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The values as PostgreSQL takes them.
pub(super) fn for_postgres(values: &[Value<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Integer(value) => add(&mut arguments, *value),
            Value::Real(value) => add(&mut arguments, *value),
            Value::Text(value) => add(&mut arguments, value.as_deref().map(without_nul)),
            Value::Bytes(value) => add(&mut arguments, value.as_deref()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn add<'q, T>(arguments: &mut PgArguments, value: Option<T>) -> Result<(), BoxDynError>
where
    T: Encode<'q, Postgres> + Type<Postgres> + 'q,
    Option<T>: Encode<'q, Postgres>,
{
    arguments.add(value)
}

/// PostgreSQL keeps no NUL in text: a name or a message that has one gets the sign for what cannot be shown.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        return Cow::Owned(text.replace('\0', "\u{fffd}"));
    }
    Cow::Borrowed(text)
}
