//! A row of an answer, and the types that are read from it.

use std::marker::PhantomData;

use sqlx::{ColumnIndex, Row as _, ValueRef, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use crate::Error;

/// Declares a struct whose fields are the columns of a row, read by name.
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        impl $crate::Record for $name {
            type Places = [usize; [$(stringify!($field)),*].len()];

            fn places(row: &$crate::Row) -> ::std::result::Result<Self::Places, $crate::Error> {
                ::std::result::Result::Ok([$(row.place(stringify!($field))?),*])
            }

            fn read(
                row: &$crate::Row,
                places: &Self::Places,
            ) -> ::std::result::Result<Self, $crate::Error> {
                let [$($field),*] = *places;
                ::std::result::Result::Ok(Self { $($field: row.at($field)?),* })
            }
        }
    };
}

/// A row as either database returns it.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// What a whole row is read as: a struct made by [`record!`], or a tuple of columns.
pub trait Record: Sized {
    /// Where its columns are, which is the same in all rows of an answer.
    type Places;

    /// Finds them in any row of the answer.
    fn places(row: &Row) -> Result<Self::Places, Error>;

    /// Reads a row.
    fn read(row: &Row, places: &Self::Places) -> Result<Self, Error>;
}

/// What one column is read as.
pub trait Column: Sized {
    /// Reads the column at this place of the row.
    fn read(row: &Row, at: usize) -> Result<Self, Error>;
}

/// Reads all rows of an answer.
pub(crate) fn read_all<R: Record>(rows: &[Row]) -> Result<Vec<R>, Error> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let places = R::places(first)?;
    rows.iter().map(|row| R::read(row, &places)).collect()
}

/// Rows of an answer that are yet to be read: of very many that is work for another thread.
pub struct Unread<R> {
    rows: Vec<Row>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> Unread<R> {
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        Self {
            rows,
            record: PhantomData,
        }
    }

    /// Reads them.
    pub fn read(&self) -> Result<Vec<R>, Error> {
        read_all(&self.rows)
    }

    /// Returns them as they are.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Row {
    /// Reads the column with this name.
    pub fn get<T: Column>(&self, name: &str) -> Result<T, Error> {
        self.at(self.place(name)?)
    }

    /// Reads the column at this place.
    pub fn at<T: Column>(&self, place: usize) -> Result<T, Error> {
        T::read(self, place)
    }

    /// Returns how many bytes the text or value at this place has.
    pub fn size(&self, at: usize) -> Result<usize, Error> {
        let bytes = match self {
            Self::Sqlite(row) => row.try_get_unchecked::<Option<&[u8]>, _>(at)?,
            Self::Postgres(row) => row.try_get_unchecked::<Option<&[u8]>, _>(at)?,
        };
        Ok(bytes.map_or(0, <[u8]>::len))
    }

    /// Returns the place of the column with this name.
    pub fn place(&self, name: &str) -> Result<usize, Error> {
        Ok(match self {
            Self::Sqlite(row) => name.index(row)?,
            Self::Postgres(row) => name.index(row)?,
        })
    }

    /// Reads the text at this place without copying it.
    pub(crate) fn text(&self, at: usize) -> Result<&str, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(at)?,
            Self::Postgres(row) => row.try_get(at)?,
        })
    }

    /// Says that a column holds something that is no `wanted`.
    pub(crate) fn corrupt(&self, at: usize, wanted: &'static str) -> Error {
        use sqlx::Column as _;
        let column = match self {
            Self::Sqlite(row) => row.column(at).name(),
            Self::Postgres(row) => row.column(at).name(),
        };
        Error::Corrupt {
            column: column.to_owned(),
            wanted,
        }
    }

    fn is_null(&self, at: usize) -> Result<bool, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get_raw(at)?.is_null(),
            Self::Postgres(row) => row.try_get_raw(at)?.is_null(),
        })
    }
}

macro_rules! columns {
    ($($type:ty)*) => {$(
        impl Column for $type {
            fn read(row: &Row, at: usize) -> Result<Self, Error> {
                Ok(match row {
                    Row::Sqlite(row) => row.try_get(at)?,
                    Row::Postgres(row) => row.try_get(at)?,
                })
            }
        }
    )*};
}

columns! { Uuid i64 bool String Vec<u8> }

impl<const N: usize> Column for [u8; N] {
    fn read(row: &Row, at: usize) -> Result<Self, Error> {
        let bytes = Vec::<u8>::read(row, at)?;
        bytes
            .try_into()
            .map_err(|_| row.corrupt(at, "value of its fixed length"))
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row, at: usize) -> Result<Self, Error> {
        if row.is_null(at)? {
            Ok(None)
        } else {
            T::read(row, at).map(Some)
        }
    }
}

macro_rules! tuples {
    ($(($($column:ident $at:literal),*))*) => {$(
        impl<$($column: Column),*> Record for ($($column,)*) {
            type Places = ();

            fn places(_: &Row) -> Result<(), Error> {
                Ok(())
            }

            fn read(row: &Row, (): &()) -> Result<Self, Error> {
                Ok(($($column::read(row, $at)?,)*))
            }
        }
    )*};
}

tuples! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }
