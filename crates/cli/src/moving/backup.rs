//! Taking a backup of databases in use.

use std::path::Path;

use anyhow::Context as _;
use picard_crypto::Keyring;
use picard_domain::Instant;
use picard_sql::{
    Alone, Db, check_file,
    copy::{Commit, Copy, Plan, TableDigest, digests},
    copy_file, migrate, sqlite_path,
};

use crate::{
    hint::OrHint as _,
    migrate::Service,
    moving::{
        folder::{Partial, database_name, keyring_name},
        manifest::{Manifest, ServiceBackup},
        shown,
        transfer::{counting, open_source, source_version},
        unhurried,
        which::needed,
    },
    system::system,
};

/// One service's part in a backup that is to be made.
pub(crate) struct Part {
    pub(crate) service: Service,
    pub(crate) address: String,
    /// Its keys, when they are known here.
    pub(crate) keyring: Option<Keyring>,
}

/// Whether the keys come into the backup.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithKeys {
    Yes,
    No,
}

/// Makes a backup of all parts in the folder `to`, which appears when it is complete.
pub(crate) async fn back_up(
    to: &Path,
    parts: &[Part],
    with_keys: WithKeys,
) -> anyhow::Result<Manifest> {
    let folder = Partial::begin(to)?;
    let mut manifest = Manifest::begin(now());
    for part in parts {
        let made = part.make(&folder, with_keys).await;
        let made =
            made.with_context(|| format!("there is no backup of the {}", part.service.spoken()))?;
        manifest.add(part.service, made);
    }
    manifest.ended_at = now();
    folder.keep(&manifest)?;
    Ok(manifest)
}

impl Part {
    async fn make(&self, folder: &Partial, with_keys: WithKeys) -> anyhow::Result<ServiceBackup> {
        let begun_at = now();
        let name = shown(&self.address)?;
        let file = folder.file(&database_name(self.service));
        let source = open_source(&self.address, &name).await?;
        let made = self.copy(&source, &name, &file).await;
        source.close().await;
        let copied = made?;

        check_file(&file).await?;
        let address = format!("sqlite:{}", file.display());
        let copy = Db::open_to_read(&address, &unhurried()).await?;
        let looked = self.look_at(&copy, &name).await;
        copy.close().await;
        let (version, tables, keys) = looked?;
        if copied.is_some_and(|copied| copied != tables) {
            anyhow::bail!("the copy is not what was copied");
        }
        let taken_from = match sqlite_path(&self.address)? {
            Some(_) => "sqlite",
            None => "postgres",
        };
        let mut part = ServiceBackup::new(version, taken_from, begun_at);
        part.set_tables(&tables);
        part.keys = keys;
        if with_keys == WithKeys::Yes
            && let Some(keyring) = &self.keyring
        {
            folder.write(&keyring_name(self.service), &keyring.to_text())?;
            part.with_keys = true;
        }
        Ok(part)
    }

    /// Copies the tables as they are at one moment; of a file, the file. Which
    /// version that is, the copy tells: a service may migrate the source meanwhile.
    async fn copy(
        &self,
        source: &Db,
        name: &str,
        file: &Path,
    ) -> anyhow::Result<Option<Vec<TableDigest>>> {
        let version = source_version(self.service, source, name).await?;
        let room = "make room where the backup goes; nothing was changed";
        if let Some(path) = sqlite_path(&self.address)? {
            let copied = copy_file(path, file).await;
            copied
                .with_context(|| format!("{name} cannot be copied"))
                .or_hint(room)?;
            return Ok(None);
        }
        let address = format!("sqlite:{}", file.display());
        let target = Db::open(&address, &unhurried()).await?;
        let filled = self.fill(source, &target, version).await;
        target.close().await;
        let copied = filled
            .with_context(|| format!("{name} cannot be copied"))
            .or_hint(room)?;
        // What was copied was of a version between that before and that after.
        if source_version(self.service, source, name).await? != version {
            return Err(anyhow::anyhow!("{name} was migrated while it was copied"))
                .or_hint("give the command again");
        }
        // Folds the log into the file, so that one file is all there is.
        Alone::take(file).await?.release().await?;
        std::fs::File::open(file)?.sync_all()?;
        Ok(Some(copied))
    }

    async fn fill(
        &self,
        source: &Db,
        target: &Db,
        version: i64,
    ) -> Result<Vec<TableDigest>, picard_sql::Error> {
        migrate(target, &self.service.schema_at(version)).await?;
        let plan = Plan::of(self.service.schema(), version).await?;
        let mut snapshot = source.snapshot().await?;
        let mut copy = Copy::begin(target, Commit::EachBatch).await?;
        let copied = counting("rows copied", async |told| {
            copy.take(&mut snapshot, &plan, told).await
        })
        .await?;
        copy.commit().await?;
        Ok(copied)
    }

    async fn look_at(
        &self,
        copy: &Db,
        name: &str,
    ) -> anyhow::Result<(i64, Vec<TableDigest>, Vec<picard_crypto::KeyId>)> {
        let version = source_version(self.service, copy, name).await?;
        let plan = Plan::of(self.service.schema(), version).await?;
        let mut tx = copy.snapshot().await?;
        let tables = counting("rows checked", async |told| {
            digests(&mut tx, &plan, told).await
        })
        .await?;
        drop(tx);
        let keys = needed(self.service, copy, self.keyring.as_ref()).await?;
        Ok((version, tables, keys))
    }
}

fn now() -> Instant {
    system().0.now()
}
