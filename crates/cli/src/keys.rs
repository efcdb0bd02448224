//! Where the server's master keys come from: the keyring in the data directory,
//! or one of three places outside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use picard_app::ReadKeyring;

use crate::{
    data_dir::{DataDir, KeyFile, read_keyring},
    secret_command::SecretCommand,
    system::system,
};

/// Master keys that are kept outside the data directory.
#[derive(Args, Clone)]
pub(crate) struct Keys {
    /// The master keys, the first one encrypting [default: the keyring in the data directory]
    #[arg(
        long = "keys",
        env = "PICARD_KEYS",
        hide_env_values = true,
        value_name = "KEYS"
    )]
    keys: Option<String>,
    /// A file that holds the master keys
    #[arg(long = "keys-file", env = "PICARD_KEYS_FILE", value_name = "FILE")]
    keys_file: Option<PathBuf>,
    /// A command that prints the master keys; it is run without a shell
    #[arg(
        long = "keys-command",
        env = "PICARD_KEYS_COMMAND",
        hide_env_values = true,
        value_name = "COMMAND"
    )]
    keys_command: Option<String>,
}

/// The one place that the keys come from.
enum Source<'a> {
    DataDirectory,
    Variable(&'a str),
    File(&'a Path),
    Command(SecretCommand),
}

impl Keys {
    fn source(&self) -> anyhow::Result<Source<'_>> {
        let set = [
            ("PICARD_KEYS", self.keys.is_some()),
            ("PICARD_KEYS_FILE", self.keys_file.is_some()),
            ("PICARD_KEYS_COMMAND", self.keys_command.is_some()),
        ];
        let mut set = set.iter().filter(|(_, set)| *set).map(|(name, _)| name);
        if let (Some(first), Some(second)) = (set.next(), set.next()) {
            bail!("{first} and {second} are both set; set one of them");
        }
        if let Some(keys) = &self.keys {
            return Ok(Source::Variable(keys));
        }
        if let Some(file) = &self.keys_file {
            return Ok(Source::File(file));
        }
        Ok(match &self.keys_command {
            Some(command) => Source::Command(SecretCommand::parse("PICARD_KEYS_COMMAND", command)?),
            None => Source::DataDirectory,
        })
    }

    /// Opens the keyring: given ones, or those of the data directory.
    pub(crate) fn open(&self, data_dir: &DataDir) -> anyhow::Result<KeyFile> {
        match self.source()? {
            Source::DataDirectory => KeyFile::open(keyring_file(data_dir)?, &*system().1),
            Source::Variable(keys) => KeyFile::given("PICARD_KEYS", keys),
            Source::File(file) => {
                let keys = fs::read_to_string(file).with_context(|| {
                    format!("PICARD_KEYS_FILE: {} cannot be read", file.display())
                })?;
                KeyFile::given("PICARD_KEYS_FILE", &keys)
            }
            Source::Command(command) => {
                KeyFile::given("what PICARD_KEYS_COMMAND prints", &command.run()?)
            }
        }
    }

    /// Returns the keyring in the data directory, when that is the one in use.
    pub(crate) fn own_file(&self, data_dir: &DataDir) -> anyhow::Result<Option<PathBuf>> {
        match self.source()? {
            Source::DataDirectory => keyring_file(data_dir).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns how the keys are read again while a service runs; `None` when
    /// they came in a variable, which does not change.
    pub(crate) fn reader(&self, data_dir: &DataDir) -> anyhow::Result<Option<Box<ReadKeyring>>> {
        if let Source::Variable(_) = self.source()? {
            return Ok(None);
        }
        let (keys, data_dir) = (self.clone(), data_dir.clone());
        let own = self.own_file(&data_dir)?;
        Ok(Some(Box::new(move || {
            let read = match &own {
                Some(file) => read_keyring(file),
                None => keys.open(&data_dir).map(|keys| keys.keyring),
            };
            // The log has one line for it, so the causes go into the sentence.
            read.map_err(|error| format!("{error:#}").into())
        })))
    }

    /// Says where the keys come from, for people.
    pub(crate) fn origin(&self, data_dir: &DataDir) -> anyhow::Result<String> {
        Ok(match self.source()? {
            Source::DataDirectory => keyring_file(data_dir)?.display().to_string(),
            Source::Variable(_) => "PICARD_KEYS".to_owned(),
            Source::File(file) => format!("PICARD_KEYS_FILE {}", file.display()),
            Source::Command(command) => {
                format!("PICARD_KEYS_COMMAND, which runs {}", command.program())
            }
        })
    }
}

fn keyring_file(data_dir: &DataDir) -> anyhow::Result<PathBuf> {
    Ok(data_dir.service("server")?.join("keyring"))
}
