//! `picard backup`: a consistent copy of the databases, while the services run.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::{
    hint::OrHint as _,
    migrate::Service,
    moving::{
        backup::{Part, WithKeys, back_up},
        in_words,
        which::Which,
    },
};

/// `picard backup`.
#[derive(Args)]
pub(crate) struct Backup {
    /// The folder to make, readable by you alone; never over another one
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Put the keys into the backup: whoever has it can read every memory then
    #[arg(long)]
    with_keys: bool,
    /// Print the manifest
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

impl Backup {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.which.logging.start("warn")?;
        let mut parts = Vec::new();
        for (service, address) in self.which.existing()? {
            let keyring = self.which.keyring(service)?;
            if self.with_keys && keyring.is_none() && service == Service::Server {
                return Err(anyhow::anyhow!("there is no keyring beside the database"))
                    .or_hint("put it back, or set PICARD_KEYS");
            }
            parts.push(Part {
                service,
                address,
                keyring,
            });
        }
        let with_keys = if self.with_keys {
            WithKeys::Yes
        } else {
            WithKeys::No
        };
        let mut stopped = crate::serve::stop_signal()?;
        let manifest = tokio::select! {
            made = back_up(&self.to, &parts, with_keys) => made?,
            _ = stopped.changed() => anyhow::bail!("stopped before the end; there is no backup"),
        };
        self.tell(&parts, &manifest)
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn tell(
        &self,
        parts: &[Part],
        manifest: &crate::moving::manifest::Manifest,
    ) -> anyhow::Result<()> {
        if self.json {
            print!("{}", manifest.write()?);
            return Ok(());
        }
        let to = std::fs::canonicalize(&self.to).context("the backup is gone")?;
        for (service, part) in manifest.parts() {
            println!(
                "Wrote the {}'s database, {}, to {}.",
                service.spoken(),
                in_words(part.rows()),
                to.display()
            );
        }
        for service in Service::ALL {
            if self.which.asked().is_none() && !parts.iter().any(|part| part.service == service) {
                println!(
                    "The {} has no database here and is not in the backup.",
                    service.spoken()
                );
            }
        }
        for (service, part) in manifest.parts() {
            let place = self.which.keys_are(service)?;
            if part.with_keys {
                println!(
                    "The {}'s keys are in the backup: WHOEVER HAS IT CAN READ EVERYTHING IN IT.",
                    service.spoken()
                );
                if service == Service::Web && self.which.has_secret_key_besides()? {
                    println!("SECRET_KEY is NOT in the backup: keep it too, elsewhere.");
                }
            } else {
                println!(
                    "The {}'s keys are NOT in the backup, and without them it is worthless: keep {place} too, elsewhere.",
                    service.spoken()
                );
            }
        }
        Ok(())
    }
}
