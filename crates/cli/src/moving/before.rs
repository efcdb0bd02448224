//! The copy that is made of an embedded database before it is migrated.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use picard_sql::{
    Db, Error,
    copy::{Plan, digests},
    pending, sqlite_path,
};

use tokio::task::spawn_blocking;

use crate::{
    data_dir::DataDir,
    hint::OrHint as _,
    migrate::Service,
    moving::{
        backup::{Part, WithKeys, back_up},
        file_time,
        folder::Backup,
        transfer::counting,
        unhurried,
    },
    system::system,
};

/// How many such copies of a service are kept.
const KEPT: usize = 3;

/// Makes a backup of an SQLite database that is about to be brought to a newer
/// version, in the folder `backups` of the data directory. When none can be made,
/// nothing is migrated. A new database, one that is up to date and PostgreSQL's are
/// left alone, and so is one of which there is a copy already: a service that is started
/// again and again, and fails, must not crowd out the copies of before.
pub(crate) async fn before_migration(
    service: Service,
    address: &str,
    data_dir: &DataDir,
) -> anyhow::Result<()> {
    if looked(service, address).await?.is_none() {
        return Ok(());
    }
    let backups = data_dir.path()?.join("backups");
    let _turn = turn(&backups)
        .await
        .with_context(|| not_migrated(service))
        .or_hint("see to it that the data directory can be written to; then start again")?;
    let Some(version) = looked(service, address).await? else {
        return Ok(());
    };
    if let Some(copy) = copy_of(service, address, version, &backups).await {
        tracing::info!(
            copy = %copy.display(),
            version,
            "there is a copy of the database already, as it is before it is migrated"
        );
        return Ok(());
    }
    let now = file_time(system().0.now());
    let to = backups.join(format!("{}-schema-{version}-{now}", service.name()));
    let part = Part {
        service,
        address: address.to_owned(),
        keyring: None,
    };
    back_up(&to, &[part], WithKeys::No)
        .await
        .with_context(|| not_migrated(service))
        .or_hint(
            "make room on the disk: the copy takes as much as the database; then start again",
        )?;
    tracing::warn!(
        copy = %to.display(),
        version,
        "the database was copied before it is migrated"
    );
    forget_old(service, &backups);
    Ok(())
}

fn not_migrated(service: Service) -> String {
    format!(
        "the {}'s database was not migrated, since no copy of it can be made before",
        service.spoken()
    )
}

/// Waits until no other program makes such a copy: of several that are started at once
/// the first one makes it, and the others find it. Held as long as the file is open.
async fn turn(backups: &Path) -> anyhow::Result<File> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(backups)
        .with_context(|| format!("{} cannot be made", backups.display()))?;
    let folder = File::open(backups).with_context(|| format!("{}", backups.display()))?;
    let waited = spawn_blocking(move || {
        // Where files cannot be locked, two that start at once fail in some other way.
        let _ = folder.lock();
        folder
    });
    Ok(waited.await?)
}

async fn looked(service: Service, address: &str) -> anyhow::Result<Option<i64>> {
    let looked = outdated(service, address).await;
    looked
        .with_context(|| {
            format!(
                "the {}'s database was not migrated, since it cannot be looked at before",
                service.spoken()
            )
        })
        .or_hint("see to it that the file can be read, that its folder is writable and that no other program locks it; then start again")
}

/// Returns the version of a database that is there, has rows, and is not of the newest one.
/// One without rows is new, and another program is about to make its tables.
///
/// What is wrong with the database itself is told by whoever opens it next, who meets
/// it again and migrates nothing. Anything else, such as a lock, may be gone by then.
async fn outdated(service: Service, address: &str) -> anyhow::Result<Option<i64>> {
    let Ok(Some(path)) = sqlite_path(address) else {
        return Ok(None);
    };
    match fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
    }
    let looked = async {
        let db = Db::open_to_read(address, &unhurried()).await?;
        let with_rows = async {
            let mut lacks = pending(&db, service.schema()).await?.len();
            loop {
                let version = service.newest() - lacks as i64;
                if lacks == 0 || version == 0 {
                    return Ok(None);
                }
                let plan = Plan::of(service.schema(), version).await?;
                let looked = plan.occupied(&mut db.snapshot().await?).await;
                let before = lacks;
                lacks = pending(&db, service.schema()).await?.len();
                // Else another program made the next step between the two looks.
                if lacks == before {
                    return Ok(looked?.map(|_| version));
                }
            }
        };
        let version = with_rows.await;
        db.close().await;
        version
    };
    match looked.await {
        Ok(version) => Ok(version),
        Err(
            Error::SchemaTooNew { .. } | Error::ForeignSchema { .. } | Error::HalfCopied { .. },
        ) => Ok(None),
        Err(error) if error.is_no_database() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}", path.display())),
    }
}

/// Returns the newest copy of this version, when it is sound and its rows are those
/// of the database still. Rows that came since, for example after somebody went back to the
/// program of before, are worth another copy.
async fn copy_of(service: Service, address: &str, version: i64, backups: &Path) -> Option<PathBuf> {
    let of_version = format!("{}-schema-{version}-", service.name());
    let newest = copies(service, backups).into_iter();
    let path = backups.join(newest.rev().find(|name| name.starts_with(&of_version))?);
    let backup = Backup::open(&path).ok()?;
    let (_, part) = backup.manifest.parts().find(|(of, _)| *of == service)?;
    let plan = Plan::of(service.schema(), version).await.ok()?;
    let db = Db::open_to_read(address, &unhurried()).await.ok()?;
    let tables = async {
        let mut tx = db.snapshot().await?;
        counting("rows compared with the last copy", async |told| {
            digests(&mut tx, &plan, told).await
        })
        .await
    };
    let tables = tables.await;
    db.close().await;
    let same = part.schema_version == version && part.differs(&tables.ok()?).is_none();
    same.then_some(path)
}

/// Removes all but the newest copies. One that cannot be removed only takes room.
fn forget_old(service: Service, backups: &Path) {
    for name in copies(service, backups).iter().rev().skip(KEPT) {
        if let Err(error) = fs::remove_dir_all(backups.join(name)) {
            tracing::warn!(%error, name, "an old copy cannot be removed");
        }
    }
}

/// Returns the names of a service's copies, the oldest first.
fn copies(service: Service, backups: &Path) -> Vec<String> {
    let prefix = format!("{}-schema-", service.name());
    let entries = fs::read_dir(backups).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    // Only what has exactly the form of a name from above, and by its time.
    let time = |name: &str| Some(name.strip_prefix(&prefix)?.split_once('-')?.1.to_owned());
    let mut copies: Vec<_> = names
        .filter_map(|name| Some((time(&name)?, name)))
        .filter(|(time, _)| time.len() == "20251231T235959Z".len() && time.ends_with('Z'))
        .collect();
    copies.sort();
    copies.into_iter().map(|(_, name)| name).collect()
}
