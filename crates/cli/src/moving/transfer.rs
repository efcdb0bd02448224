//! From one database to another, of whichever kind, with the source as it was.
//!
//! The target carries a mark until it is complete, so that no service starts on
//! it before. A transfer that was stopped is repeated: what is equal on both sides is not
//! written again, and what changed in the source meanwhile is brought over.

use anyhow::Context as _;
use picard_sql::{
    Db, Error, Transient as _,
    copy::{Commit, Copy, Plan, TableDigest, digests, mark, marked, unmark},
    migrate, pending, tables, version,
};

use crate::{
    hint::OrHint as _,
    migrate::Service,
    moving::{differing, shown, unhurried},
    owner::Progress,
};

/// One database to be copied.
pub(crate) struct Transfer {
    pub(crate) service: Service,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Transfer {
    /// Copies, and returns the digests of what is in both now. The target is of the
    /// newest version then; of an older source that holds for the copy alone.
    pub(crate) async fn run(&self) -> anyhow::Result<Vec<TableDigest>> {
        let (from, to) = (shown(&self.from)?, shown(&self.to)?);
        if from == to {
            return Err(anyhow::anyhow!("{from} cannot be copied onto itself"))
                .or_hint("give another --to");
        }
        let source = open_source(&self.from, &from).await?;
        let done = self.from(&source, (&from, &to)).await;
        source.close().await;
        done
    }

    async fn from(
        &self,
        source: &Db,
        (from, to): (&str, &str),
    ) -> anyhow::Result<Vec<TableDigest>> {
        // A file that cannot become a copy is not made.
        let at = source_version(self.service, source, from).await?;
        let plan = Plan::of(self.service.schema(), at).await?;
        let target = Db::open(&self.to, &unhurried())
            .await
            .with_context(|| format!("{to} cannot be opened"))?;
        let done = async {
            self.prepare((&target, to), from, at, &plan).await?;
            let copied = self.fill(source, &target, &plan).await;
            let copied = copied.map_err(|error| match error.downcast_ref::<Error>() {
                Some(cause) if cause.is_transient() || matches!(cause, Error::Unavailable(_)) => {
                    error.context("the copy was interrupted; the same command goes on with it")
                }
                _ => error,
            })?;
            migrate(&target, self.service.schema())
                .await
                .with_context(|| format!("{to} is complete, but cannot be migrated"))?;
            Ok(copied)
        };
        let done = done.await;
        target.close().await;
        done
    }

    /// Sees to it that the target has the tables, nothing in them but what an
    /// earlier attempt left, and the mark.
    async fn prepare(
        &self,
        (target, to): (&Db, &str),
        from: &str,
        at: i64,
        plan: &Plan,
    ) -> anyhow::Result<()> {
        let service = self.service;
        let there = version(target, service.schema()).await;
        let there = there.with_context(|| format!("{to} cannot be the target"))?;
        let empty = "choose an empty database as --to";
        match marked(target).await? {
            Some(of) if of != from => {
                return Err(anyhow::anyhow!("{to} is a half-done copy of {of}"))
                    .or_hint("finish that one first, or choose an empty database as --to");
            }
            Some(_) if there != at => {
                return Err(anyhow::anyhow!(
                    "{from} was brought to another version since {to} began to become its copy"
                ))
                .or_hint(empty);
            }
            Some(_) => return Ok(()),
            None => {}
        }
        if there == 0 {
            let found = tables(target).await?;
            if let Some(table) = plan.tables().find(|name| found.iter().any(|f| f == name)) {
                return Err(anyhow::anyhow!(
                    "{to} has a table {table} that Picard did not make"
                ))
                .or_hint(empty);
            }
        } else {
            let mut tx = target.snapshot().await?;
            let plan = Plan::of(service.schema(), there).await?;
            if let Some(table) = plan.occupied(&mut tx).await? {
                return Err(anyhow::anyhow!(
                    "{to} is not empty: there are rows in its table {table}"
                ))
                .or_hint(empty);
            }
        }
        if there > at {
            return Err(anyhow::anyhow!(
                "{to} is of a newer version ({there}) than {from} ({at})"
            ))
            .or_hint("choose an empty database as --to; it gets the tables by itself");
        }
        migrate(target, &service.schema_at(at))
            .await
            .with_context(|| format!("the tables cannot be made in {to}"))?;
        Ok(mark(target, from).await?)
    }

    async fn fill(
        &self,
        source: &Db,
        target: &Db,
        plan: &Plan,
    ) -> anyhow::Result<Vec<TableDigest>> {
        let mut copy = Copy::begin(target, Commit::EachBatch).await?;
        let mut snapshot = source.snapshot().await?;
        let copied = counting("rows copied", async |told| {
            copy.take(&mut snapshot, plan, told).await
        })
        .await?;
        drop(snapshot);
        let of_target = counting("rows of the copy checked", async |told| {
            digests(copy.tx(), plan, told).await
        })
        .await?;
        if copied != of_target {
            let tables = differing(&copied, &of_target);
            return Err(anyhow::anyhow!(
                "the copy is not what was copied; it differs in: {tables}"
            ))
            .or_hint("somebody else writes to the target; see to it that nobody does, and repeat");
        }
        let mut snapshot = source.snapshot().await?;
        let of_source = counting("rows of the source checked", async |told| {
            digests(&mut snapshot, plan, told).await
        })
        .await?;
        drop(snapshot);
        if copied != of_source {
            let tables = differing(&of_source, &copied);
            return Err(anyhow::anyhow!(
                "the source was written to while it was copied; the copy is behind in: {tables}"
            ))
            .or_hint(
                "stop the service that runs on the source and give the same command again; \
                 it copies what changed, and until then no service starts on the copy",
            );
        }
        unmark(copy.tx()).await?;
        copy.commit().await?;
        Ok(copied)
    }
}

/// Opens a database to read from it.
pub(crate) async fn open_source(address: &str, shown: &str) -> anyhow::Result<Db> {
    if let Some(path) = picard_sql::sqlite_path(address)?
        && !path.exists()
    {
        return Err(anyhow::anyhow!("there is no database at {shown}"))
            .or_hint("say where the data is with --data-dir, or give its address");
    }
    Db::open_to_read(address, &unhurried())
        .await
        .with_context(|| format!("{shown} cannot be opened"))
}

/// Returns the version of a database to be read from. One without the service's
/// tables is an error, and so is a half-done copy.
pub(crate) async fn source_version(
    service: Service,
    source: &Db,
    shown: &str,
) -> anyhow::Result<i64> {
    let lacks = pending(source, service.schema()).await;
    let lacks = lacks.with_context(|| format!("{shown} cannot be copied"))?;
    let at = service.newest() - lacks.len() as i64;
    if at == 0 {
        return Err(anyhow::anyhow!(
            "{shown} has no tables of the {}",
            service.spoken()
        ))
        .or_hint("check the address, and --of");
    }
    Ok(at)
}

/// Does something that tells of rows, and shows how far it is.
pub(crate) async fn counting<T>(
    what: &'static str,
    work: impl AsyncFnOnce(&mut dyn FnMut(u64)) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut progress = Progress::new(what);
    let mut since = 0;
    let mut told = |rows: u64| {
        since += rows;
        if since >= 100 {
            progress.advance(usize::try_from(since).unwrap_or(usize::MAX));
            since = 0;
        }
    };
    let done = work(&mut told).await;
    progress.end();
    done
}
