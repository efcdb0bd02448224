//! Bringing one database to what another holds.

use super::{
    Plan, TableDigest, Told,
    cell::Line,
    digest::RowHasher,
    plan::Table,
    side::{PAGE, Side},
    walk::Walk,
};
use crate::{Db, Error, Tx};

/// Bytes that are written in one statement, more or less.
const STATEMENT: usize = 4 * 1024 * 1024;

/// When what was copied becomes lasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// After each batch: what is stopped can go on.
    EachBatch,
    /// All of it or nothing, in one transaction.
    AtTheEnd,
}

/// The database that becomes a copy. Dropped before [`Copy::commit`], what is
/// not lasting yet is rolled back.
pub struct Copy {
    db: Db,
    commit: Commit,
    tx: Option<Tx>,
    changed: usize,
}

impl Copy {
    /// Begins. The tables of the plan must be there.
    pub async fn begin(db: &Db, commit: Commit) -> Result<Self, Error> {
        Ok(Self {
            db: db.clone(),
            commit,
            tx: Some(db.begin().await?),
            changed: 0,
        })
    }

    /// Sees to it that nobody else writes to the tables of the plan until the
    /// transaction ends. [`Error::Busy`] when somebody does not stop doing so.
    ///
    /// On SQLite the transaction does that by itself. On PostgreSQL the tables are locked,
    /// which no statement of a service may do: it stops everybody, and databases that spread
    /// over machines have no such lock. For an operator's command, which exchanges all rows
    /// while the services are meant to be stopped, that is what is wanted; those other
    /// databases are not asked for it. Reading goes on.
    pub async fn keep_others_out(&mut self, plan: &Plan) -> Result<(), Error> {
        let tx = self.tx();
        if let Tx::Sqlite(_) = tx {
            return Ok(());
        }
        let (calls_itself,): (String,) = tx.one(crate::sql!("SELECT version()")).await?;
        if !calls_itself.starts_with("PostgreSQL ") {
            return Ok(());
        }
        let names: Vec<_> = plan.tables().map(|name| format!("\"{name}\"")).collect();
        // Long enough for a statement that is under way, and for autovacuum to step back.
        let patience = "SET LOCAL lock_timeout = '5s'";
        tx.execute(crate::Query::new(patience)).await?;
        let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", names.join(", "));
        tx.execute(crate::Query::composed(lock)).await?;
        Ok(())
    }

    /// Copies everything that differs, table by table, and returns the digests of
    /// what the source holds. The source is best a [snapshot](Db::snapshot).
    ///
    /// `told` hears of each row of the source, whether it had to be copied or not.
    pub async fn take(
        &mut self,
        source: &mut Tx,
        plan: &Plan,
        told: Told<'_>,
    ) -> Result<Vec<TableDigest>, Error> {
        let mut all = Vec::with_capacity(plan.tables.len());
        for table in &plan.tables {
            let from = table.on(source).await?;
            let to = table.on(self.tx()).await?;
            self.remove(source, table, (&from, &to)).await?;
            all.push(self.add(source, table, (&from, &to), told).await?);
        }
        self.lasting().await?;
        Ok(all)
    }

    /// The transaction that the copy is in.
    pub fn tx(&mut self) -> &mut Tx {
        self.tx.as_mut().expect("there is one until the end")
    }

    /// Makes everything lasting.
    pub async fn commit(mut self) -> Result<(), Error> {
        match self.tx.take() {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        }
    }

    /// Takes out what the source does not have, or has otherwise. Then the copy
    /// has nothing that could be in the way of a row that comes: no other row with
    /// the same handle, none with the same revision.
    async fn remove(
        &mut self,
        source: &mut Tx,
        table: &Table,
        (from, to): (&Side, &Side),
    ) -> Result<(), Error> {
        let (mut theirs, mut ours) = (Walk::new(table, from), Walk::new(table, to));
        while let Some(row) = ours.next(self.tx()).await? {
            if theirs.meet(source, &row).await?.as_ref() != Some(&row) {
                to.delete(self.tx(), &row).await?;
                self.count(1).await?;
            }
        }
        Ok(())
    }

    async fn add(
        &mut self,
        source: &mut Tx,
        table: &Table,
        (from, to): (&Side, &Side),
        told: Told<'_>,
    ) -> Result<TableDigest, Error> {
        let (mut theirs, mut ours) = (Walk::new(table, from), Walk::new(table, to));
        let mut digest = RowHasher::new(table);
        let (mut batch, mut size): (Vec<Line>, usize) = (Vec::new(), 0);
        while let Some(row) = theirs.next(source).await? {
            digest.add(&row);
            told(1);
            if ours.meet(self.tx(), &row).await?.is_some() {
                continue;
            }
            size += row.iter().map(super::cell::Cell::size).sum::<usize>();
            batch.push(row);
            if batch.len() == to.at_once() || size >= STATEMENT {
                to.insert(self.tx(), &batch).await?;
                self.count(batch.len()).await?;
                batch.clear();
                size = 0;
            }
        }
        if !batch.is_empty() {
            to.insert(self.tx(), &batch).await?;
            self.count(batch.len()).await?;
        }
        Ok(digest.end(table))
    }

    /// Counts changed rows; a batch of them is made lasting.
    async fn count(&mut self, changed: usize) -> Result<(), Error> {
        self.changed += changed;
        if self.changed >= PAGE {
            self.lasting().await?;
        }
        Ok(())
    }

    async fn lasting(&mut self) -> Result<(), Error> {
        self.changed = 0;
        if self.commit == Commit::EachBatch {
            if let Some(tx) = self.tx.take() {
                tx.commit().await?;
            }
            self.tx = Some(self.db.begin().await?);
        }
        Ok(())
    }
}
