//! A value as both databases can hold it, and the way between the two.
//!
//! SQLite has bytes where PostgreSQL has `UUID` and `BYTEA`, and whole numbers
//! where it has `BIGINT` and `BOOLEAN`: a cell is what SQLite has.

use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

use crate::{Column as _, Error, Row, Value};

/// One value of a row. Within a kind the order is that of both databases: bytes
/// and texts byte by byte, numbers by size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row: the columns of the key first, in its order.
pub(super) type Line = Vec<Cell>;

/// What a column of one database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Integer,
    Boolean,
    Text,
    Bytes,
}

impl Kind {
    /// Reads the name that a database's catalogue gives a type.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "INTEGER" | "bigint" => Self::Integer,
            "boolean" => Self::Boolean,
            "TEXT" | "text" => Self::Text,
            "BLOB" | "bytea" => Self::Bytes,
            _ => return None,
        })
    }
}

impl Cell {
    /// Reads the value at this place of a row.
    pub(super) fn read(row: &Row, at: usize) -> Result<Self, Error> {
        let kind = match row {
            Row::Sqlite(row) => {
                let value = row.try_get_raw(at)?;
                if value.is_null() {
                    return Ok(Self::Null);
                }
                let kind = value.type_info().name().to_owned();
                Kind::named(&kind)
            }
            Row::Postgres(row) => {
                if row.try_get_raw(at)?.is_null() {
                    return Ok(Self::Null);
                }
                match row.column(at).type_info().name() {
                    "UUID" => Some(Kind::Uuid),
                    "INT8" => Some(Kind::Integer),
                    "BOOL" => Some(Kind::Boolean),
                    "TEXT" => Some(Kind::Text),
                    "BYTEA" => Some(Kind::Bytes),
                    _ => None,
                }
            }
        };
        Ok(match kind {
            Some(Kind::Uuid) => Self::Bytes(Uuid::read(row, at)?.into_bytes().to_vec()),
            Some(Kind::Integer) => Self::Integer(i64::read(row, at)?),
            Some(Kind::Boolean) => Self::Integer(i64::from(bool::read(row, at)?)),
            Some(Kind::Text) => Self::Text(String::read(row, at)?),
            Some(Kind::Bytes) => Self::Bytes(Vec::read(row, at)?),
            None => return Err(row.corrupt(at, "value of a type that both databases have")),
        })
    }

    /// Turns it into what a column takes.
    pub(super) fn value(&self, kind: Kind, column: &str) -> Result<Value, Error> {
        let is_no = |wanted| Error::Corrupt {
            column: column.to_owned(),
            wanted,
        };
        Ok(match (kind, self) {
            (Kind::Uuid, Self::Null) => Value::Uuid(None),
            (Kind::Integer, Self::Null) => Value::Integer(None),
            (Kind::Boolean, Self::Null) => Value::Boolean(None),
            (Kind::Text, Self::Null) => Value::Text(None),
            (Kind::Bytes, Self::Null) => Value::Bytes(None),
            (Kind::Uuid, Self::Bytes(bytes)) => {
                let id = Uuid::from_slice(bytes).map_err(|_| is_no("UUID"))?;
                Value::Uuid(Some(id))
            }
            (Kind::Integer, Self::Integer(number)) => Value::Integer(Some(*number)),
            (Kind::Boolean, Self::Integer(number @ (0 | 1))) => Value::Boolean(Some(*number == 1)),
            (Kind::Text, Self::Text(text)) => Value::Text(Some(text.clone())),
            (Kind::Bytes, Self::Bytes(bytes)) => Value::Bytes(Some(bytes.clone())),
            (Kind::Uuid, _) => return Err(is_no("UUID")),
            (Kind::Integer, _) => return Err(is_no("whole number")),
            (Kind::Boolean, _) => return Err(is_no("true or false")),
            (Kind::Text, _) => return Err(is_no("text")),
            (Kind::Bytes, _) => return Err(is_no("bytes")),
        })
    }

    /// Returns how many bytes it takes, more or less.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}
