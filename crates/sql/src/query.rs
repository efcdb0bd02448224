//! A statement with the values for its placeholders.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Database, Postgres, Sqlite, query::Query as Prepared};
use uuid::Uuid;

/// Writes a statement: a text with `$1`, `$2` and so on, then the values in
/// that order.
///
/// That there are as many values as placeholders is checked by the compiler:
/// ```compile_fail
/// picard_sql::sql!("SELECT 1 WHERE $1 = $2", 1_i64);
/// ```
///
/// Behind a semicolon stands an array with the values of all further placeholders:
/// ```
/// picard_sql::sql!("SELECT 1 WHERE $1 IN ($2, $3)", 1_i64; [2_i64, 3]);
/// ```
#[macro_export]
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => {{
        const TEXT: &str = $text;
        const { assert!(
            $crate::placeholders(TEXT) == <[&str]>::len(&[$(stringify!($value)),*]),
            "as many values as placeholders"
        ) };
        $crate::Query::new(TEXT)$(.bind($value))*
    }};
    ($text:expr $(, $value:expr)*; $more:expr) => {{
        const TEXT: &str = $text;
        const MORE: usize =
            $crate::placeholders(TEXT) - <[&str]>::len(&[$(stringify!($value)),*]);
        $crate::Query::new(TEXT)$(.bind($value))*.bind_each::<MORE>($more)
    }};
}

/// A value for a placeholder. `NULL` has a type too, which PostgreSQL asks for.
#[derive(Clone)]
pub enum Value {
    /// 16 bytes.
    Uuid(Option<Uuid>),
    /// A whole number.
    Integer(Option<i64>),
    /// True or false.
    Boolean(Option<bool>),
    /// Text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

/// A type that can be the value of a placeholder.
pub trait Bind: Sized {
    /// The `NULL` of this type.
    const NULL: Value;

    /// Turns it into a value.
    fn into_value(self) -> Value;
}

macro_rules! binds {
    ($($type:ty => $kind:ident $convert:expr;)*) => {$(
        impl Bind for $type {
            const NULL: Value = Value::$kind(None);

            fn into_value(self) -> Value {
                let convert: fn($type) -> _ = $convert;
                Value::$kind(Some(convert(self)))
            }
        }
    )*};
}

binds! {
    Uuid => Uuid |id| id;
    i64 => Integer |number| number;
    bool => Boolean |flag| flag;
    String => Text |text| text;
    Vec<u8> => Bytes |bytes| bytes;
}

impl Bind for &str {
    const NULL: Value = Value::Text(None);

    fn into_value(self) -> Value {
        Value::Text(Some(self.to_owned()))
    }
}

impl Bind for &[u8] {
    const NULL: Value = Value::Bytes(None);

    fn into_value(self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}

impl<const N: usize> Bind for [u8; N] {
    const NULL: Value = Value::Bytes(None);

    fn into_value(self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Value = T::NULL;

    fn into_value(self) -> Value {
        self.map_or(T::NULL, T::into_value)
    }
}

/// A statement with its values, made by [`sql!`].
#[derive(Clone)]
pub struct Query {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

impl Query {
    /// Takes the text of a statement.
    pub fn new(text: &'static str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            values: Vec::new(),
        }
    }

    /// Takes a statement that was put together from the names of tables and
    /// columns: for [`copy`](crate::copy), which knows none beforehand.
    pub(crate) fn composed(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            values: Vec::new(),
        }
    }

    /// Adds a value of any type.
    #[must_use]
    pub(crate) fn with(mut self, value: Value) -> Self {
        self.values.push(value);
        self
    }

    /// Adds the value of the next placeholder.
    #[must_use]
    pub fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.into_value());
        self
    }

    /// Adds the values of the next placeholders.
    #[must_use]
    pub fn bind_each<const N: usize>(self, values: [impl Bind; N]) -> Self {
        values.into_iter().fold(self, Self::bind)
    }

    /// Tells whether the statement only reads: then SQLite answers it from the
    /// readers, which cannot write.
    pub(crate) fn reads(&self) -> bool {
        self.text.trim_start().starts_with("SELECT")
    }

    /// Every text is a constant of this program or made of names in its migrations.
    fn safe(&self) -> AssertSqlSafe<Cow<'static, str>> {
        AssertSqlSafe(self.text.clone())
    }

    pub(crate) fn sqlite(&self) -> Prepared<'_, Sqlite, <Sqlite as Database>::Arguments> {
        self.values
            .iter()
            .fold(sqlx::query(self.safe()), |query, value| match value {
                Value::Uuid(id) => query.bind(*id),
                Value::Integer(number) => query.bind(*number),
                Value::Boolean(flag) => query.bind(*flag),
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Bytes(bytes) => query.bind(bytes.as_deref()),
            })
    }

    pub(crate) fn postgres(&self) -> Prepared<'_, Postgres, <Postgres as Database>::Arguments> {
        self.values
            .iter()
            .fold(sqlx::query(self.safe()), |query, value| match value {
                Value::Uuid(id) => query.bind(*id),
                Value::Integer(number) => query.bind(*number),
                Value::Boolean(flag) => query.bind(*flag),
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Bytes(bytes) => query.bind(bytes.as_deref()),
            })
    }
}

/// Returns the highest placeholder in a statement: 3 for `$1 … $3`.
pub const fn placeholders(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut highest, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'$' {
            let mut number = 0;
            while at + 1 < bytes.len() && bytes[at + 1].is_ascii_digit() {
                at += 1;
                number = number * 10 + (bytes[at] - b'0') as usize;
            }
            if number > highest {
                highest = number;
            }
        }
        at += 1;
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_placeholder_counts() {
        assert_eq!(placeholders("SELECT 1"), 0);
        assert_eq!(placeholders("SELECT $2 + $12 + $1"), 12);
        assert_eq!(placeholders("$"), 0);
    }

    #[test]
    fn only_a_select_is_answered_by_the_readers() {
        assert!(Query::new("\n  SELECT 1").reads());
        assert!(!Query::new("UPDATE t SET a = 1 RETURNING a").reads());
    }
}
