//! Which tables a service has, asked of its migrations.

use sqlx::{Connection as _, SqliteConnection};

use super::{Told, side::Side, walk::Walk};
use crate::{Error, Schema, Tx};

/// The tables of one version of a schema, those that others refer to first.
///
/// They are what the migrations make in an empty SQLite database in memory.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) tables: Vec<Table>,
}

/// A table, as both databases have it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// The columns of the key in its order, then the others.
    pub(super) columns: Vec<Column>,
    /// How many columns the key has.
    pub(super) key: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) is_text: bool,
}

impl Plan {
    /// Makes the tables of this version of the schema and looks at them.
    pub async fn of(schema: &Schema, version: i64) -> Result<Self, Error> {
        let mut model = SqliteConnection::connect("sqlite::memory:").await?;
        for step in schema.migrations {
            if step.version <= version {
                sqlx::raw_sql(step.sqlite).execute(&mut model).await?;
            }
        }
        let names: Vec<(String,)> = sqlx::query_as(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'
             ORDER BY name",
        )
        .fetch_all(&mut model)
        .await?;
        let mut found = Vec::new();
        for (name,) in names {
            let parents: Vec<(String,)> =
                sqlx::query_as("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)")
                    .bind(&name)
                    .fetch_all(&mut model)
                    .await?;
            let parents = parents.into_iter().map(|(parent,)| parent);
            let parents: Vec<_> = parents.filter(|parent| *parent != name).collect();
            found.push((Table::of(name, &mut model).await?, parents));
        }
        model.close().await?;
        Ok(Self {
            tables: parents_first(found)?,
        })
    }

    /// Returns the names of the tables, those that others refer to first.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// Returns the first table that has rows, if any has.
    pub async fn occupied(&self, tx: &mut Tx) -> Result<Option<&str>, Error> {
        for table in &self.tables {
            let side = table.on(tx).await?;
            if Walk::new(table, &side).next(tx).await?.is_some() {
                return Ok(Some(&table.name));
            }
        }
        Ok(None)
    }

    /// Returns how many rows all tables have together, for a progress bar.
    pub async fn rows(&self, tx: &mut Tx, told: Told<'_>) -> Result<(), Error> {
        for table in &self.tables {
            told(table.on(tx).await?.count(tx).await?);
        }
        Ok(())
    }
}

impl Table {
    async fn of(name: String, model: &mut SqliteConnection) -> Result<Self, Error> {
        let mut columns: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid")
                .bind(&name)
                .fetch_all(model)
                .await?;
        // The sort is stable: what is not in the key keeps its order, behind it.
        columns.sort_by_key(|(_, _, pk)| if *pk == 0 { i64::MAX } else { *pk });
        let key = columns.iter().filter(|(_, _, pk)| *pk > 0).count();
        if key == 0 {
            return Err(Error::uncopyable(&name, "it has no primary key"));
        }
        let columns = columns.into_iter().map(|(name, kind, _)| Column {
            name,
            is_text: kind == "TEXT",
        });
        Ok(Self {
            name,
            columns: columns.collect(),
            key,
        })
    }

    /// Looks at the table in one database.
    pub(super) async fn on(&self, tx: &mut Tx) -> Result<Side, Error> {
        Side::of(self, tx).await
    }
}

fn parents_first(mut found: Vec<(Table, Vec<String>)>) -> Result<Vec<Table>, Error> {
    let mut placed: Vec<Table> = Vec::with_capacity(found.len());
    while !found.is_empty() {
        let is_placed = |parent: &String| placed.iter().any(|table| table.name == *parent);
        let next = found
            .iter()
            .position(|(_, parents)| parents.iter().all(is_placed))
            .ok_or_else(|| Error::uncopyable(&found[0].0.name, "its references go in a circle"))?;
        placed.push(found.remove(next).0);
    }
    Ok(placed)
}
