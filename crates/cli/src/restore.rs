//! `picard restore`: puts a backup in the place of what is there, or where
//! nothing is, after making sure that it is sound and can be read.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use picard_crypto::{KeyId, Keyring};
use serde_json::json;

use crate::{
    hint::OrHint as _,
    migrate::Service,
    moving::{
        folder::{Backup, keyring_name},
        in_words,
        keys::KeyPlan,
        manifest::ServiceBackup,
        restore::{Replace, Restoration},
        which::Which,
    },
    system::system,
};

/// `picard restore`.
#[derive(Args)]
pub(crate) struct Restore {
    /// The folder that `picard backup` made
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Replace the data that is there; a file of SQLite is kept under another name
    #[arg(long)]
    force: bool,
    /// Only verify the backup, and that its keys are here
    #[arg(long)]
    check: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Restore {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.which.logging.start("warn")?;
        let backup = Backup::open(&self.from)?;
        let mut restorations = Vec::new();
        for (service, part) in backup.manifest.parts() {
            if self.which.asked().is_some_and(|asked| asked != service) {
                continue;
            }
            restorations.push(Restoration {
                backup: &backup,
                service,
                part,
                address: self.which.address(service)?,
                replace: if self.force {
                    Replace::Yes
                } else {
                    Replace::No
                },
            });
        }
        if restorations.is_empty() {
            return Err(anyhow::anyhow!("the backup has nothing of that service"))
                .or_hint("`manifest.json` in it says what it has");
        }
        let mut keys = Vec::new();
        for restoration in &restorations {
            restoration.verify().await?;
            keys.push(self.key_plan(&backup, restoration.service, restoration.part)?);
        }
        if self.check {
            return self.tell_checked(&backup, &restorations);
        }
        self.put_back(&backup, &restorations, keys).await
    }

    async fn put_back(
        &self,
        backup: &Backup,
        restorations: &[Restoration<'_>],
        keys: Vec<KeyPlan>,
    ) -> anyhow::Result<()> {
        for restoration in restorations {
            restoration.check_target().await?;
        }
        let mut prepared = Vec::new();
        for restoration in restorations {
            let folder = self.which.data_dir.service(restoration.service.name())?;
            prepared.push((restoration, restoration.prepare(&folder).await?));
        }
        let now = system().0.now();
        let mut done = Vec::new();
        for ((restoration, prepared), plan) in prepared.into_iter().zip(keys) {
            let aside = with_its_keys(plan, restoration.put_back(prepared, now))
                .await
                .with_context(|| {
                    format!("the {} was not restored", restoration.service.spoken())
                })
                .or_hint(
                    "what this command has told to be restored is restored; give it again for the rest",
                )?;
            if !self.json {
                self.tell(backup, restoration, aside.as_deref())?;
            }
            done.push(json!({
                "service": restoration.service.name(),
                "rows": restoration.part.rows(),
                "schema_version": restoration.service.newest(),
                "backup_schema_version": restoration.part.schema_version,
                "replaced": aside,
            }));
        }
        if self.json {
            print_json(&json!({"from": self.from, "restored": done}))?;
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn tell(
        &self,
        backup: &Backup,
        restoration: &Restoration<'_>,
        aside: Option<&std::path::Path>,
    ) -> anyhow::Result<()> {
        let (service, part) = (restoration.service, restoration.part);
        println!(
            "Put back the {}'s database, {}, as it was at {}.",
            service.spoken(),
            in_words(part.rows()),
            backup.manifest.begun_at
        );
        if part.schema_version < service.newest() {
            println!(
                "It was of version {} and is of version {} now.",
                part.schema_version,
                service.newest()
            );
        }
        if let Some(aside) = aside {
            println!("What was there is {} now.", aside.display());
        }
        if service == Service::Server
            && let Some(keyring) = self.which.keyring(service)?
            && part.keys.iter().any(|id| *id != keyring.active())
        {
            println!(
                "The keys were rotated since: `picard key rotate` wraps what came back with the active key {}.",
                keyring.active()
            );
        }
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn tell_checked(
        &self,
        backup: &Backup,
        restorations: &[Restoration<'_>],
    ) -> anyhow::Result<()> {
        if self.json {
            let parts = restorations.iter().map(|restoration| {
                json!({
                    "service": restoration.service.name(),
                    "rows": restoration.part.rows(),
                    "schema_version": restoration.part.schema_version,
                })
            });
            let parts: Vec<_> = parts.collect();
            return print_json(&json!({"from": self.from, "sound": parts}));
        }
        for restoration in restorations {
            println!(
                "The {}'s database as it was at {} is sound, {}, and its keys are here.",
                restoration.service.spoken(),
                backup.manifest.begun_at,
                in_words(restoration.part.rows())
            );
        }
        Ok(())
    }

    /// Decides about the keys of a service. An error when the backup could not be read.
    fn key_plan(
        &self,
        backup: &Backup,
        service: Service,
        part: &ServiceBackup,
    ) -> anyhow::Result<KeyPlan> {
        let here = self.which.keyring(service)?;
        let opens = |keyring: &Keyring, id: &KeyId| match service {
            Service::Server => keyring.key_ids().contains(id),
            // Its secrets follow from the first key alone.
            Service::Web => keyring.active() == *id,
        };
        let missing = part
            .keys
            .iter()
            .find(|id| !here.as_ref().is_some_and(|keyring| opens(keyring, id)));
        let Some(missing) = missing else {
            return Ok(KeyPlan::Enough);
        };
        let place = self.which.keys_are(service)?;
        let lacking = || {
            anyhow::anyhow!(
                "the backup of the {} needs the key {missing}, which is not in {place}",
                service.spoken()
            )
        };
        if !part.with_keys {
            return Err(lacking()).or_hint(
                "put back the keyring that was in use when the backup was made; nothing was changed",
            );
        }
        let name = keyring_name(service);
        let text = fs::read_to_string(backup.path.join(&name))
            .with_context(|| format!("{name} in the backup cannot be read"))?;
        let theirs = Keyring::parse(&text).with_context(|| format!("{name} holds no keyring"))?;
        let Some(file) = self.which.keyring_file(service)? else {
            return Err(lacking()).or_hint(format!(
                "it is in {name} of the backup: give it there, too; nothing was changed"
            ));
        };
        match (here, service) {
            (None, _) => Ok(KeyPlan::New(file, theirs)),
            (Some(_), Service::Server) => Ok(KeyPlan::Behind(file, theirs)),
            (Some(_), Service::Web) if self.force => Ok(KeyPlan::InFront(file, theirs)),
            (Some(_), Service::Web) => Err(lacking())
                .or_hint("--force puts the backup's key in front of the one that is there"),
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command says")]
fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Carries out a plan about a service's keys, then puts its database back; when
/// that fails, the keys are again what they were, as the database is.
async fn with_its_keys<T>(
    plan: KeyPlan,
    put_back: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    // The keys before the rows that need them.
    let changed = plan.carry_out()?;
    let put = put_back.await;
    if let Err(error) = put {
        return Err(match changed.take_back() {
            Ok(()) => error,
            Err(keys) => error.context(format!(
                "the keys of the backup stay in front of those that were there ({keys:#})"
            )),
        });
    }
    put
}
