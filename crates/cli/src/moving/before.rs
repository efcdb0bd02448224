//! The copy that is made of an embedded database before it is migrated.

use std::{fs, os::unix::fs::DirBuilderExt as _, path::Path};

use anyhow::Context as _;
use picard_sql::{Db, pending, sqlite_path};

use crate::{
    data_dir::DataDir,
    hint::OrHint as _,
    migrate::Service,
    moving::{
        backup::{Part, WithKeys, back_up},
        file_time, unhurried,
    },
    system::system,
};

/// How many such copies of a service are kept.
const KEPT: usize = 3;

/// Makes a backup of an SQLite database that is about to be brought to a newer
/// version, in the folder `backups` of the data directory. When none can be made,
/// nothing is migrated. A new database, one that is up to date and PostgreSQL's are
/// left alone.
pub(crate) async fn before_migration(
    service: Service,
    address: &str,
    data_dir: &DataDir,
) -> anyhow::Result<()> {
    let Some(version) = outdated(service, address).await else {
        return Ok(());
    };
    let backups = data_dir.path()?.join("backups");
    let now = file_time(system().0.now());
    let to = backups.join(format!("{}-schema-{version}-{now}", service.name()));
    let part = Part {
        service,
        address: address.to_owned(),
        keyring: None,
    };
    let made = async {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&backups)
            .with_context(|| format!("{} cannot be made", backups.display()))?;
        back_up(&to, &[part], WithKeys::No).await
    };
    made.await
        .with_context(|| {
            format!(
                "the {}'s database was not migrated, since no copy of it can be made before",
                service.spoken()
            )
        })
        .or_hint(
            "make room on the disk: the copy takes as much as the database; then start again",
        )?;
    tracing::warn!(
        copy = %to.display(),
        version,
        "the database was copied before it is migrated; `picard restore` puts the copy back"
    );
    forget_old(service, &backups);
    Ok(())
}

/// Returns the version of a database that is there and not of the newest one. What
/// cannot be opened is told by whoever opens it next.
async fn outdated(service: Service, address: &str) -> Option<i64> {
    let path = sqlite_path(address).ok()??;
    if !fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return None;
    }
    let db = Db::open_to_read(address, &unhurried()).await.ok()?;
    let lacks = pending(&db, service.schema()).await;
    db.close().await;
    let lacks = lacks.ok()?.len() as i64;
    let version = service.newest() - lacks;
    (lacks > 0 && version > 0).then_some(version)
}

/// Removes all but the newest copies. One that cannot be removed only takes room.
fn forget_old(service: Service, backups: &Path) {
    let prefix = format!("{}-schema-", service.name());
    let Ok(entries) = fs::read_dir(backups) else {
        return;
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    // Only what has exactly the form of a name from above, and by its time.
    let time = |name: &str| Some(name.strip_prefix(&prefix)?.split_once('-')?.1.to_owned());
    let mut copies: Vec<_> = names
        .filter_map(|name| Some((time(&name)?, name)))
        .filter(|(time, _)| time.len() == "20251231T235959Z".len() && time.ends_with('Z'))
        .collect();
    copies.sort();
    copies.reverse();
    for (_, name) in copies.iter().skip(KEPT) {
        if let Err(error) = fs::remove_dir_all(backups.join(name)) {
            tracing::warn!(%error, name, "an old copy cannot be removed");
        }
    }
}
