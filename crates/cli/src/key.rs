//! `picard key`: which master keys there are, and replacing them.
//!
//! Only the wrapping of the data keys is made anew; no text and no vector is
//! touched. The new key is on the disk before anything is wrapped by it, and an
//! old one leaves only when it wraps nothing: whenever this is stopped, the
//! keyring opens everything.

use std::{fmt, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use picard_app::{MasterKeys, Rewrapped};
use picard_crypto::{KeyId, Keyring};
use serde::Serialize;

use crate::{
    data_dir::LockedKeyring, database::Database, hint::OrHint as _, owner::Progress, place::Place,
    system::system,
};

/// `picard key`.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Show the master keys, and how many data keys each of them wraps
    #[command(after_help = "Example:\n  picard key status --json")]
    Status(Status),
    /// Put a new master key in front and wrap every data key with it, while the server runs
    #[command(
        after_help = "Example:\n  picard key rotate\n  cp ~/.local/share/picard/server/keyring /a/safe/place\n  picard key rotate --retire\n\nA rotation that was stopped is finished by the next one, without another new key.\nKeys from PICARD_KEYS, a file of yours or a command are replaced by hand: docs/keys.md."
    )]
    Rotate(Rotate),
}

/// `picard key status`.
#[derive(Args)]
pub(crate) struct Status {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Database,
}

/// `picard key rotate`.
#[derive(Args)]
pub(crate) struct Rotate {
    /// Make no new key; drop the old ones, once nothing is wrapped by them
    #[arg(long)]
    retire: bool,
    /// Every node of this PostgreSQL reads this very keyring file
    #[arg(long)]
    shared: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Database,
}

/// A master key and what it does.
#[derive(Serialize)]
struct KeyView {
    id: KeyId,
    state: State,
    data_keys: u64,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Active,
    Old,
    Missing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Old => "old",
            Self::Missing => "MISSING",
        })
    }
}

impl Key {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Status(status) => status.run().await,
            Self::Rotate(rotate) => rotate.run().await,
        }
    }
}

/// Returns the keys of the keyring in their order, then those that are missing.
async fn views(keys: &MasterKeys, keyring: &Keyring) -> anyhow::Result<Vec<KeyView>> {
    let used = keys.in_use().await?;
    let count = |id| used.iter().find(|(used, _)| *used == id);
    let known = keyring.key_ids();
    let mut views: Vec<_> = known
        .iter()
        .map(|&id| KeyView {
            id,
            state: if id == keyring.active() {
                State::Active
            } else {
                State::Old
            },
            data_keys: count(id).map_or(0, |(_, count)| *count),
        })
        .collect();
    let missing = used.iter().filter(|(id, _)| !known.contains(id));
    views.extend(missing.map(|&(id, data_keys)| KeyView {
        id,
        state: State::Missing,
        data_keys,
    }));
    Ok(views)
}

fn data_keys(count: u64) -> String {
    format!("{count} data key{}", if count == 1 { "" } else { "s" })
}

impl Status {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn run(self) -> anyhow::Result<ExitCode> {
        self.place.logging.start("warn")?;
        let keys = self.place.master_keys(&self.database).await?;
        let opened = self.place.keys.open(&self.place.data_dir)?;
        if opened.is_new() {
            return Err(anyhow::anyhow!("there is no keyring beside the database"))
                .or_hint("put it back from a backup, or set PICARD_KEYS");
        }
        let views = views(&keys, &opened.keyring).await;
        keys.close().await;
        let views = views?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&views)?);
        } else {
            for view in &views {
                let advice = match view.state {
                    State::Old if view.data_keys == 0 => {
                        "; may leave with `picard key rotate --retire`"
                    }
                    State::Old => "; `picard key rotate` wraps them with the active key",
                    State::Missing => "; put the keyring back that it is in",
                    State::Active => "",
                };
                let wraps = data_keys(view.data_keys);
                println!("{}  {:8} {wraps}{advice}", view.id, view.state);
            }
        }
        let missing = views.iter().any(|view| view.state == State::Missing);
        Ok(if missing {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<ExitCode> {
        self.place.logging.start("warn")?;
        let keys = self.place.master_keys(&self.database).await?;
        let done = match self.place.keys.own_file(&self.place.data_dir)? {
            Some(file) => match LockedKeyring::open(&file) {
                Ok(mut locked) => self.rotate(&keys, &mut locked).await,
                Err(error) => Err(error),
            },
            None => self.rotate_given(&keys).await,
        };
        keys.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn rotate(&self, keys: &MasterKeys, locked: &mut LockedKeyring) -> anyhow::Result<()> {
        let unfinished = is_unfinished(&views(keys, &locked.keyring).await?)?;
        let (_, entropy) = system();
        if !unfinished && !self.retire {
            self.alone()?;
            locked.replace(locked.keyring.rotated(&*entropy))?;
            println!(
                "Put the new master key {} in front.",
                locked.keyring.active()
            );
        }
        self.rewrap(keys, &locked.keyring).await?;
        if self.retire {
            return retire(keys, locked).await;
        }
        println!("Back up the keyring now: without the new key nothing can be read.");
        if locked.keyring.key_ids().len() > 1 {
            println!("Then `picard key rotate --retire` drops the old keys.");
        }
        Ok(())
    }

    /// Keys that are kept elsewhere: only what is wrapped by them is changed here.
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn rotate_given(&self, keys: &MasterKeys) -> anyhow::Result<()> {
        let keyring = self.place.keys.open(&self.place.data_dir)?.keyring;
        let unfinished = is_unfinished(&views(keys, &keyring).await?)?;
        if !unfinished && !self.retire {
            let origin = self.place.keys.origin(&self.place.data_dir)?;
            return Err(anyhow::anyhow!(
                "the keys come from {origin}, which this command cannot change"
            ))
            .or_hint(
                "make a key with `openssl rand -base64 32 | tr '+/' '-_'`; put it behind the others \
                 for every node, then in front (with PICARD_KEYS, restarting them after each); then \
                 `picard key rotate` wraps everything with it (docs/keys.md)",
            );
        }
        self.rewrap(keys, &keyring).await?;
        let old = &keyring.key_ids()[1..];
        if !old.is_empty() {
            let names: Vec<_> = old.iter().map(ToString::to_string).collect();
            println!(
                "Nothing is wrapped by {}. Once every node has {} in front, take the rest out.",
                names.join(", "),
                keyring.active()
            );
        }
        Ok(())
    }

    /// Refuses a new key that other nodes would not have.
    fn alone(&self) -> anyhow::Result<()> {
        let source = self.database.of_server(&self.place.data_dir)?;
        if source.address.starts_with("sqlite:") || self.shared {
            return Ok(());
        }
        Err(anyhow::anyhow!(
            "nodes on other machines would not have the new key and could read nothing"
        ))
        .or_hint(
            "add --shared if every node reads this keyring file; if not, docs/keys.md says how to \
             give them the key first",
        )
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn rewrap(&self, keys: &MasterKeys, keyring: &Keyring) -> anyhow::Result<()> {
        let (_, entropy) = system();
        let mut progress = Progress::new("data keys wrapped anew");
        let mut before = 0;
        let told = |done: u64| {
            progress.advance(usize::try_from(done - before).unwrap_or(usize::MAX));
            before = done;
        };
        let rewrapped = keys.rewrap(keyring, &*entropy, told).await;
        progress.end();
        let Rewrapped { done, refused } =
            rewrapped.context("not all data keys are wrapped anew")?;
        println!("Wrapped {} with {}.", data_keys(done), keyring.active());
        if let Some(first) = refused.first() {
            return Err(anyhow::anyhow!(
                "{} cannot be unwrapped, the first one that of the user {first}",
                data_keys(refused.len() as u64)
            ))
            .or_hint("keep the old keys; these rows of the database are damaged");
        }
        Ok(())
    }
}

/// Tells whether some data keys are not wrapped by the active key yet. An error
/// when the keyring does not open all of them.
fn is_unfinished(views: &[KeyView]) -> anyhow::Result<bool> {
    if let Some(view) = views.iter().find(|view| view.state == State::Missing) {
        return Err(anyhow::anyhow!(
            "the database needs the master key {}, which is not in the keyring",
            view.id
        ))
        .or_hint("put back the keyring that it was written with; nothing was changed");
    }
    Ok(views
        .iter()
        .any(|view| view.state == State::Old && view.data_keys > 0))
}

/// Drops the old keys. An account that was made in this very moment is looked
/// for afterwards: a key that is needed after all comes back.
#[expect(clippy::print_stdout, reason = "this is what the command says")]
async fn retire(keys: &MasterKeys, locked: &mut LockedKeyring) -> anyhow::Result<()> {
    let before = locked.keyring.clone();
    let old = before.key_ids().len() - 1;
    if old == 0 {
        println!("There is no old key.");
        return Ok(());
    }
    let needed = |used: &[(KeyId, u64)]| used.iter().any(|(id, _)| *id != before.active());
    if !needed(&keys.in_use().await?) {
        locked.replace(before.active_only())?;
        let used = keys.in_use().await;
        if used.as_ref().is_ok_and(|used| !needed(used)) {
            println!("Dropped {old} old key{}.", if old == 1 { "" } else { "s" });
            return Ok(());
        }
        locked.replace(before)?;
        used?;
    }
    Err(anyhow::anyhow!(
        "an old key came into use again, so all of them are kept"
    ))
    .or_hint("a node that does not read this keyring makes accounts; see docs/keys.md")
}
