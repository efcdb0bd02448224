//! PostgreSQL's binary format of COPY
//! (<https://www.postgresql.org/docs/15/sql-copy.html>, "Binary Format").

use sqlx::PgConnection;
use uuid::Uuid;

/// Rows of one table on their way into it.
pub(crate) struct Rows {
    statement: String,
    columns: i16,
    bytes: Vec<u8>,
}

/// One column of a row.
pub(crate) enum Column<'a> {
    Uuid(Uuid),
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(i64),
    Bool(bool),
    Null,
}

impl Rows {
    /// Begins rows of the table with these columns, in their order.
    pub(crate) fn of(table: &str, columns: &[&str]) -> Self {
        let mut bytes = b"PGCOPY\n\xff\r\n\0".to_vec();
        bytes.extend([0; 8]);
        Self {
            statement: format!(
                "COPY {table} ({}) FROM STDIN (FORMAT binary)",
                columns.join(", ")
            ),
            columns: columns.len() as i16,
            bytes,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &[Column<'_>]) {
        assert_eq!(row.len(), self.columns as usize, "a value for each column");
        self.bytes.extend(self.columns.to_be_bytes());
        for column in row {
            match column {
                Column::Uuid(id) => self.value(id.as_bytes()),
                Column::Text(text) => self.value(text.as_bytes()),
                Column::Bytes(bytes) => self.value(bytes),
                Column::Number(number) => self.value(&number.to_be_bytes()),
                Column::Bool(yes) => self.value(&[u8::from(*yes)]),
                Column::Null => self.bytes.extend((-1_i32).to_be_bytes()),
            }
        }
    }

    fn value(&mut self, bytes: &[u8]) {
        self.bytes.extend((bytes.len() as i32).to_be_bytes());
        self.bytes.extend(bytes);
    }

    /// Sends the rows.
    pub(crate) async fn send(mut self, to: &mut PgConnection) -> anyhow::Result<()> {
        self.bytes.extend((-1_i16).to_be_bytes());
        let mut copy = to.copy_in_raw(&self.statement).await?;
        copy.send(self.bytes).await?;
        copy.finish().await?;
        Ok(())
    }
}
