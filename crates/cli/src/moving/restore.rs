//! Putting a backup in the place of what is there.
//!
//! Everything is verified and prepared before anything is replaced. A file is
//! replaced by giving another one its name; PostgreSQL's rows in one transaction. So
//! whenever this is stopped, there is the old database or the new one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use picard_domain::Instant;
use picard_sql::{
    Alone, Db, Error, Options, check_file,
    copy::{Commit, Copy, Plan, digests, marked},
    migrate, sqlite_path, tables, version,
};
use tokio::time::{sleep, timeout};

use crate::{
    hint::OrHint as _,
    migrate::Service,
    moving::{
        aside::{LOGS, free_name, has_logs, set_aside, with_suffix},
        differing, file_time,
        folder::{Backup, parent},
        manifest::ServiceBackup,
        shown,
        transfer::{counting, open_source, source_version},
        unhurried,
    },
};

/// For how long a database may still have connections of a service that stopped.
const FAREWELL: Duration = Duration::from_secs(3);

/// How often it is asked for them.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether what is there may be replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    Yes,
    No,
}

/// One service of a backup, and where it goes.
pub(crate) struct Restoration<'a> {
    pub(crate) backup: &'a Backup,
    pub(crate) service: Service,
    pub(crate) part: &'a ServiceBackup,
    pub(crate) address: String,
    pub(crate) replace: Replace,
}

/// What is ready to be put in its place.
pub(crate) enum Prepared {
    /// A file beside the one that it replaces.
    File { work: PathBuf, path: PathBuf },
    /// A file whose rows go to PostgreSQL; one of our own is removed afterwards.
    Rows { file: PathBuf, own: bool },
}

impl Restoration<'_> {
    /// Makes sure that the service's tables are what the manifest says.
    pub(crate) async fn verify(&self) -> anyhow::Result<()> {
        let file = self.backup.database(self.service);
        let address = format!("sqlite:{}", file.display());
        check_file(&file)
            .await
            .with_context(|| format!("{}", file.display()))
            .or_hint("nothing was changed; take another backup")?;
        let db = open_source(&address, &address).await?;
        let verified = self.compare(&db, &address).await;
        db.close().await;
        verified
    }

    async fn compare(&self, db: &Db, address: &str) -> anyhow::Result<()> {
        let found = source_version(self.service, db, address)
            .await
            .or_hint("nothing was changed")?;
        let plan = Plan::of(self.service.schema(), found).await?;
        let mut tx = db.snapshot().await?;
        let tables = counting("rows verified", async |told| {
            digests(&mut tx, &plan, told).await
        })
        .await?;
        let differs = self.part.differs(&tables);
        if found == self.part.schema_version && differs.is_none() {
            return Ok(());
        }
        Err(anyhow::anyhow!(
            "{address} does not hold what the manifest says ({})",
            differs.unwrap_or_else(|| "its version".to_owned())
        ))
        .or_hint("nothing was changed; take another backup")
    }

    /// Refuses a place where data is that may not be replaced, or that a service uses.
    pub(crate) async fn check_target(&self) -> anyhow::Result<()> {
        match sqlite_path(&self.address)? {
            Some(path) if path.exists() => {
                self.may_replace(&path.display().to_string())?;
                alone(path, self.service).await?;
                Ok(())
            }
            Some(_) => Ok(()),
            None => self.check_postgres().await,
        }
    }

    async fn check_postgres(&self) -> anyhow::Result<()> {
        let name = shown(&self.address)?;
        let one = Options {
            connections: 1,
            ..unhurried()
        };
        let target = Db::open(&self.address, &one)
            .await
            .with_context(|| format!("{name} cannot be opened"))?;
        let checked = self.look_at(&target, &name).await;
        target.close().await;
        checked
    }

    async fn look_at(&self, target: &Db, name: &str) -> anyhow::Result<()> {
        if let Some(of) = marked(target).await? {
            return Err(Error::HalfCopied { of }).or_hint("restore into an empty database");
        }
        let there = version(target, self.service.schema()).await;
        let there = there.with_context(|| format!("{name} cannot be the target"))?;
        let plan = Plan::of(self.service.schema(), there.max(1)).await?;
        if there == 0 {
            let found = tables(target).await?;
            if let Some(table) = plan.tables().find(|name| found.iter().any(|f| f == name)) {
                return Err(anyhow::anyhow!(
                    "{name} has a table {table} that Picard did not make"
                ))
                .or_hint("restore into an empty database");
            }
            return Ok(());
        }
        let mut tx = target.snapshot().await?;
        let occupied = plan.occupied(&mut tx).await?.is_some();
        drop(tx);
        if occupied {
            self.may_replace(name)?;
        }
        if timeout(FAREWELL, nobody_uses(target)).await.is_err() {
            return Err(anyhow::anyhow!(
                "a service is running on {name}; it would mix the old and the new"
            ))
            .or_hint("stop every node, then restore");
        }
        Ok(())
    }

    fn may_replace(&self, name: &str) -> anyhow::Result<()> {
        if self.replace == Replace::Yes {
            return Ok(());
        }
        Err(anyhow::anyhow!(
            "there is data of the {} already, at {name}",
            self.service.spoken()
        ))
        .or_hint("--force replaces it; nothing was changed")
    }

    /// Makes a copy of the backup that is of the newest version, where it is needed.
    pub(crate) async fn prepare(&self, own_folder: &Path) -> anyhow::Result<Prepared> {
        let older = self.part.schema_version < self.service.newest();
        let target = sqlite_path(&self.address)?;
        let work = match target {
            Some(path) => with_suffix(path, ".restoring"),
            None if older => own_folder.join("restoring.db"),
            None => {
                return Ok(Prepared::Rows {
                    file: self.backup.database(self.service),
                    own: false,
                });
            }
        };
        for suffix in [""].iter().chain(&LOGS) {
            // What a restore that was stopped left; it was never in use.
            let _ = fs::remove_file(with_suffix(&work, suffix));
        }
        self.backup.copy_database(self.service, &work)?;
        if older {
            let address = format!("sqlite:{}", work.display());
            let db = Db::open(&address, &unhurried()).await?;
            let migrated = migrate(&db, self.service.schema()).await;
            db.close().await;
            migrated.context("the backup cannot be brought to this program's version")?;
            Alone::take(&work).await?.release().await?;
            fs::File::open(&work)?.sync_all()?;
        }
        Ok(match target {
            Some(path) => Prepared::File {
                work,
                path: path.to_owned(),
            },
            None => Prepared::Rows {
                file: work,
                own: true,
            },
        })
    }

    /// Puts it in its place. Returns where what was there is now.
    pub(crate) async fn put_back(
        &self,
        prepared: Prepared,
        now: Instant,
    ) -> anyhow::Result<Option<PathBuf>> {
        match prepared {
            Prepared::File { work, path } => self.give_name(&work, &path, now).await,
            Prepared::Rows { file, own } => {
                let done = self.put_rows(&file).await;
                if own {
                    let _ = fs::remove_file(&file);
                }
                done.map(|()| None)
            }
        }
    }

    async fn give_name(
        &self,
        work: &Path,
        path: &Path,
        now: Instant,
    ) -> anyhow::Result<Option<PathBuf>> {
        let cannot = || format!("{} cannot be replaced", path.display());
        let aside = free_name(path, &file_time(now));
        let replaced = path.exists();
        let old = if replaced {
            alone(path, self.service).await?
        } else {
            None
        };
        if replaced || has_logs(path) {
            set_aside(path, &aside).with_context(cannot)?;
        }
        if replaced {
            fs::rename(work, path)
                .with_context(cannot)
                .with_context(|| format!("what was there is {} too", aside.display()))?;
            if let Some(old) = old {
                // Its file has another name now; how it lets go of it is no matter.
                let _ = old.release().await;
            }
        } else {
            fs::hard_link(work, path)
                .or_else(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Err(error),
                    // Not every file system has second names.
                    _ => fs::rename(work, path),
                })
                .with_context(cannot)?;
            let _ = fs::remove_file(work);
        }
        fs::File::open(parent(path))?.sync_all()?;
        Ok(replaced.then_some(aside))
    }

    /// All rows in one transaction: what was there goes when what comes is there.
    async fn put_rows(&self, file: &Path) -> anyhow::Result<()> {
        let name = shown(&self.address)?;
        let from = format!("sqlite:{}", file.display());
        let source = open_source(&from, &from).await?;
        let target = Db::open(&self.address, &unhurried()).await?;
        let done = self.put_all(&source, &target, &name).await;
        source.close().await;
        target.close().await;
        done
    }

    async fn put_all(&self, source: &Db, target: &Db, name: &str) -> anyhow::Result<()> {
        let schema = self.service.schema();
        let before = version(target, schema).await?;
        let filled = async {
            migrate(target, schema).await?;
            self.fill(source, target).await
        };
        let copy = match filled.await {
            Ok(copy) => copy,
            Err(error) => {
                let now = version(target, schema).await.ok();
                return Err(error.context(not_put_back(name, before, now)));
            }
        };
        copy.commit().await.map_err(|error| {
            let what = match error {
                Error::Unavailable(_) => {
                    "either all of the backup is in it or nothing; give the command again"
                }
                _ => "the backup was not put back",
            };
            anyhow::Error::from(error).context(format!("{name} did not confirm the end: {what}"))
        })
    }

    /// Exchanges the rows, in a transaction that is yet to be committed.
    async fn fill(&self, source: &Db, target: &Db) -> anyhow::Result<Copy> {
        let plan = Plan::of(self.service.schema(), self.service.newest()).await?;
        let mut snapshot = source.snapshot().await?;
        let mut copy = Copy::begin(target, Commit::AtTheEnd).await?;
        // A service that had no connection when we looked may have one now.
        copy.keep_others_out(&plan)
            .await
            .context("somebody else writes to the database")
            .or_hint("stop every node, then restore")?;
        let copied = counting("rows put back", async |told| {
            copy.take(&mut snapshot, &plan, told).await
        })
        .await?;
        let there = counting("rows checked", async |told| {
            digests(copy.tx(), &plan, told).await
        })
        .await?;
        if there != copied {
            let tables = differing(&copied, &there);
            anyhow::bail!("somebody else writes to the database: {tables}");
        }
        Ok(copy)
    }
}

/// Says what is in a database of PostgreSQL after its rows were not exchanged.
fn not_put_back(name: &str, before: i64, now: Option<i64>) -> String {
    match now {
        Some(now) if now == before => {
            format!("{name} is as it was; the backup was not put back")
        }
        Some(now) => format!(
            "the backup was not put back; {name} has the rows that it had, but was brought \
             from version {before} to version {now}"
        ),
        None => format!(
            "the backup was not put back; {name} has the rows that it had, and is perhaps of a \
             newer version than {before}"
        ),
    }
}

/// Takes a database that nobody else has open. `None` when it cannot be told,
/// since the file is no sound database.
async fn alone(path: &Path, service: Service) -> anyhow::Result<Option<Alone>> {
    match Alone::take(path).await {
        Ok(alone) => {
            // The index of a log that is no more.
            let _ = fs::remove_file(with_suffix(path, "-shm"));
            Ok(Some(alone))
        }
        Err(error @ Error::Busy(_)) => Err(error)
            .with_context(|| {
                format!(
                    "a program has {} open, most likely the running {}",
                    path.display(),
                    service.spoken()
                )
            })
            .or_hint("stop it, then restore"),
        Err(error) if error.is_no_database() => {
            tracing::warn!(%error, "what is replaced is no sound database");
            Ok(None)
        }
        Err(error) => Err(error)
            .with_context(|| {
                format!(
                    "it cannot be told whether a program uses {}",
                    path.display()
                )
            })
            .or_hint("see to it that the file and its folder can be read and written"),
    }
}

/// Waits until no program of ours is connected. Not every database that speaks as
/// PostgreSQL does tells who is.
async fn nobody_uses(target: &Db) {
    while target.is_in_use().await.unwrap_or(false) {
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_migrated_is_not_said_to_be_as_it_was() {
        let told = |now| not_put_back("it", 3, now);
        assert_eq!(
            told(Some(3)),
            "it is as it was; the backup was not put back"
        );
        assert!(told(Some(5)).ends_with("brought from version 3 to version 5"));
        assert!(told(None).contains("perhaps"));
    }
}
