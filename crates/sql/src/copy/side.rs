//! A table in one of the two databases: what its columns take there, and the
//! statements that it is walked and filled with.
//!
//! The statements are put together here. Their names come from our own
//! migrations, by way of the catalogue, and from nowhere else.

use std::fmt::Write as _;

use super::{
    cell::{Cell, Kind, Line},
    plan::{Column, Table},
};
use crate::{Error, Query, Tx, sql};

/// Rows that are read at once.
pub(super) const PAGE: usize = 256;

/// The most placeholders of a statement: SQLite allows 32,766, PostgreSQL 65,535.
const PLACEHOLDERS: usize = 30_000;

/// A table in one database.
pub(super) struct Side {
    columns: Vec<(String, Kind)>,
    key: usize,
    count: String,
    first: String,
    next: String,
    delete: String,
    insert: String,
}

impl Side {
    pub(super) async fn of(table: &Table, tx: &mut Tx) -> Result<Self, Error> {
        let name = table.name.as_str();
        let (catalogue, collate) = match tx {
            Tx::Sqlite(_) => (
                sql!("SELECT name, type FROM pragma_table_info($1)", name),
                "",
            ),
            Tx::Postgres(_) => (
                sql!(
                    "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT)
                     FROM information_schema.columns
                     WHERE table_schema = current_schema() AND table_name = $1",
                    name
                ),
                // Texts in the order of their bytes, as SQLite has them.
                " COLLATE \"C\"",
            ),
        };
        let found: Vec<(String, String)> = tx.all(catalogue).await?;
        if found.len() != table.columns.len() {
            return Err(Error::uncopyable(
                name,
                "its columns are not those of this version",
            ));
        }
        let kind_of = |column: &Column| {
            let found = found.iter().find(|(name, _)| *name == column.name);
            let kind = found.and_then(|(_, kind)| Kind::named(kind));
            kind.map(|kind| (column.name.clone(), kind))
                .ok_or_else(|| Error::uncopyable(name, "it has a column of an unknown type"))
        };
        let columns = table.columns.iter().map(kind_of);
        let quoted = |column: &Column| format!("\"{}\"", column.name);
        let ordered = |column: &Column| {
            let collate = if column.is_text { collate } else { "" };
            format!("\"{}\"{collate}", column.name)
        };
        let key = &table.columns[..table.key];
        let all = list(table.columns.iter().map(quoted));
        let order = list(key.iter().map(ordered));
        let places = list((1..=key.len()).map(|place| format!("${place}")));
        Ok(Self {
            columns: columns.collect::<Result<_, _>>()?,
            key: table.key,
            count: format!("SELECT count(*) FROM \"{name}\""),
            first: format!("SELECT {all} FROM \"{name}\" ORDER BY {order} LIMIT {PAGE}"),
            next: format!(
                "SELECT {all} FROM \"{name}\" WHERE ({order}) > ({places})
                 ORDER BY {order} LIMIT {PAGE}"
            ),
            delete: format!(
                "DELETE FROM \"{name}\" WHERE ({}) = ({places})",
                list(key.iter().map(quoted))
            ),
            insert: format!("INSERT INTO \"{name}\" ({all}) VALUES "),
        })
    }

    /// Returns how many rows fit into one statement.
    pub(super) fn at_once(&self) -> usize {
        PAGE.min(PLACEHOLDERS / self.columns.len())
    }

    pub(super) async fn count(&self, tx: &mut Tx) -> Result<u64, Error> {
        let (count,): (i64,) = tx.one(Query::composed(self.count.clone())).await?;
        Ok(count as u64)
    }

    /// Reads the rows behind this one, or the first ones.
    pub(super) async fn page(&self, tx: &mut Tx, after: Option<&Line>) -> Result<Vec<Line>, Error> {
        let query = match after {
            None => Query::composed(self.first.clone()),
            Some(row) => self.with_key(&self.next, row)?,
        };
        let rows = tx.rows(&query).await?;
        let read = |row| {
            (0..self.columns.len())
                .map(|at| Cell::read(row, at))
                .collect()
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn delete(&self, tx: &mut Tx, row: &Line) -> Result<(), Error> {
        let delete = self.with_key(&self.delete, row)?;
        tx.execute(delete).await.map(drop)
    }

    pub(super) async fn insert(&self, tx: &mut Tx, rows: &[Line]) -> Result<(), Error> {
        let mut text = self.insert.clone();
        let mut place = 0;
        for row in 0..rows.len() {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns.len() {
                place += 1;
                let comma = if column == 0 { "" } else { ", " };
                write!(text, "{comma}${place}").expect("a string takes everything");
            }
            text.push(')');
        }
        let mut query = Query::composed(text);
        for row in rows {
            query = self.with_cells(query, row)?;
        }
        tx.execute(query).await.map(drop)
    }

    fn with_key(&self, text: &str, row: &Line) -> Result<Query, Error> {
        self.with_cells(Query::composed(text.to_owned()), &row[..self.key])
    }

    fn with_cells(&self, mut query: Query, cells: &[Cell]) -> Result<Query, Error> {
        for (cell, (column, kind)) in cells.iter().zip(&self.columns) {
            query = query.with(cell.value(*kind, column)?);
        }
        Ok(query)
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
