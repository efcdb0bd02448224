//! How the words of `domain` are stored: ids as UUIDs, instants as
//! microseconds, names and scopes as text.

use picard_domain::{
    ClientId, DisplayName, EventId, GrantId, Handle, Instant, MemoryId, Permission, Scopes,
    SessionId, UserId,
};
use uuid::Uuid;

use crate::{Bind, Column, Error, Row, Value};

macro_rules! ids {
    ($($id:ident)*) => {$(
        impl Bind for $id {
            const NULL: Value = Value::Uuid(None);

            fn into_value(self) -> Value {
                Value::Uuid(Some(self.uuid()))
            }
        }

        impl Column for $id {
            fn read(row: &Row, at: usize) -> Result<Self, Error> {
                Uuid::read(row, at).map(Self::from_uuid)
            }
        }
    )*};
}

ids! { ClientId EventId GrantId MemoryId SessionId UserId }

impl Bind for Instant {
    const NULL: Value = Value::Integer(None);

    fn into_value(self) -> Value {
        Value::Integer(Some(self.micros()))
    }
}

impl Column for Instant {
    fn read(row: &Row, at: usize) -> Result<Self, Error> {
        i64::read(row, at).map(Self::from_micros)
    }
}

macro_rules! texts {
    ($($bound:ty => $read:ident $wanted:literal;)*) => {$(
        impl Bind for $bound {
            const NULL: Value = Value::Text(None);

            fn into_value(self) -> Value {
                Value::Text(Some(self.to_string()))
            }
        }

        impl Column for $read {
            fn read(row: &Row, at: usize) -> Result<Self, Error> {
                row.text(at)?.parse().map_err(|_| row.corrupt(at, $wanted))
            }
        }
    )*};
}

texts! {
    Permission => Permission "permission";
    Scopes => Scopes "list of scopes";
    &Handle => Handle "handle";
    &DisplayName => DisplayName "name";
}
