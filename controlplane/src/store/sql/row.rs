//! Rows as they are read from either database.

use sqlx::{
    Decode, Postgres, Row as _, TypeInfo, ValueRef, error::BoxDynError, postgres::PgRow,
    sqlite::SqliteRow,
};

/// A row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column, by its place.
    pub(crate) fn try_get<'r, T: Get<'r>>(&'r self, column: usize) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => T::of_sqlite(row, column),
            Self::Postgres(row) => T::of_postgres(row, column),
        }
    }
}

/// What can be read from a row.
pub(crate) trait Get<'r>: Sized {
    fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error>;
    fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error>;
}

impl<'r, T: Get<'r>> Get<'r> for Option<T> {
    fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
        if row.try_get_raw(column)?.is_null() {
            return Ok(None);
        }
        T::of_sqlite(row, column).map(Some)
    }

    fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error> {
        if row.try_get_raw(column)?.is_null() {
            return Ok(None);
        }
        T::of_postgres(row, column).map(Some)
    }
}

/// A whole number: PostgreSQL has several widths of them.
fn number(row: &PgRow, column: usize) -> Result<i64, sqlx::Error> {
    let raw = row.try_get_raw(column)?;
    let decoded = match raw.type_info().name() {
        "INT4" => <i32 as Decode<Postgres>>::decode(raw).map(i64::from),
        "INT2" => <i16 as Decode<Postgres>>::decode(raw).map(i64::from),
        "BOOL" => <bool as Decode<Postgres>>::decode(raw).map(i64::from),
        "INT8" => <i64 as Decode<Postgres>>::decode(raw),
        other => Err(format!("a whole number cannot be of the type {other}").into()),
    };
    decoded.map_err(|source| undecoded(column, source))
}

fn undecoded(column: usize, source: BoxDynError) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_string(),
        source,
    }
}

impl<'r> Get<'r> for i64 {
    fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
        row.try_get(column)
    }

    fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error> {
        number(row, column)
    }
}

impl<'r> Get<'r> for u32 {
    fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
        row.try_get(column)
    }

    fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error> {
        let number = number(row, column)?;
        Self::try_from(number).map_err(|e| undecoded(column, e.into()))
    }
}

impl<'r> Get<'r> for bool {
    fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
        row.try_get(column)
    }

    fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error> {
        Ok(number(row, column)? != 0)
    }
}

macro_rules! alike {
    ($($kind:ty),*) => {$(
        impl<'r> Get<'r> for $kind {
            fn of_sqlite(row: &'r SqliteRow, column: usize) -> Result<Self, sqlx::Error> {
                row.try_get(column)
            }

            fn of_postgres(row: &'r PgRow, column: usize) -> Result<Self, sqlx::Error> {
                row.try_get(column)
            }
        }
    )*};
}

alike!(f64, String, &'r str, Vec<u8>, &'r [u8]);
