//! What tells that two databases hold the same: for each table the number of
//! its rows, and a SHA-256 over them in the order of the key.

use sha2::{Digest as _, Sha256};

use super::{
    Plan, Told,
    cell::{Cell, Line},
    plan::Table,
    walk::Walk,
};
use crate::{Error, Tx};

/// The rows of one table, as a number and a digest. Whichever database they
/// are in, the same rows have the same digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// The table's name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over the names of its columns and its rows.
    pub sha256: [u8; 32],
}

/// Returns the digest of every table, in the order of the plan.
pub async fn digests(tx: &mut Tx, plan: &Plan, told: Told<'_>) -> Result<Vec<TableDigest>, Error> {
    let mut all = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        let side = table.on(tx).await?;
        let mut rows = Walk::new(table, &side);
        let mut digest = RowHasher::new(table);
        while let Some(row) = rows.next(tx).await? {
            digest.add(&row);
            told(1);
        }
        all.push(digest.end(table));
    }
    Ok(all)
}

/// Takes rows one by one. Each value is its kind, its length and its bytes, so
/// that no two different rows have the same form.
pub(super) struct RowHasher {
    state: Sha256,
    rows: u64,
}

impl RowHasher {
    pub(super) fn new(table: &Table) -> Self {
        let mut state = Sha256::new();
        for column in &table.columns {
            state.update(column.name.as_bytes());
            state.update([0]);
        }
        Self { state, rows: 0 }
    }

    pub(super) fn add(&mut self, row: &Line) {
        self.rows += 1;
        for cell in row {
            match cell {
                Cell::Null => self.state.update([0]),
                Cell::Integer(number) => {
                    self.state.update([1]);
                    self.state.update(number.to_be_bytes());
                }
                Cell::Text(text) => self.sized(2, text.as_bytes()),
                Cell::Bytes(bytes) => self.sized(3, bytes),
            }
        }
    }

    fn sized(&mut self, kind: u8, bytes: &[u8]) {
        self.state.update([kind]);
        self.state.update((bytes.len() as u64).to_be_bytes());
        self.state.update(bytes);
    }

    pub(super) fn end(self, table: &Table) -> TableDigest {
        TableDigest {
            table: table.name.clone(),
            rows: self.rows,
            sha256: self.state.finalize().into(),
        }
    }
}
