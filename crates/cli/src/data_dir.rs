//! The data directory: where it is, and the two keyrings in it.
//!
//! ```text
//! DATA/server/picard.db  DATA/server/keyring     the server's database and master keys
//! DATA/web/web.db        DATA/web/keyring        the web client's database and secret key
//! ```

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use etcetera::AppStrategy as _;
use picard_crypto::Keyring;
use picard_domain::Entropy;

use crate::{hint::OrHint as _, system::system};

/// Where everything is kept.
#[derive(Args, Clone)]
pub(crate) struct DataDir {
    /// Where databases and keys are kept [default: the platform's data folder]
    #[arg(long, env = "PICARD_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl DataDir {
    /// Returns the directory, without making it.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        let strategy = etcetera::choose_app_strategy(etcetera::AppStrategyArgs {
            top_level_domain: "org".into(),
            author: "Picard".into(),
            app_name: "picard".into(),
        })
        .context("there is no home directory")
        .or_hint("say where to keep the data with --data-dir")?;
        Ok(strategy.data_dir())
    }

    /// Returns the folder of one service in it, made for the owner alone.
    pub(crate) fn service(&self, service: &str) -> anyhow::Result<PathBuf> {
        let dir = self.path()?.join(service);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("{} cannot be made", dir.display()))
            .or_hint("choose a folder that you may write to with --data-dir")?;
        Ok(dir)
    }
}

impl DataDir {
    /// Opens the web client's keyring, new when neither it nor the database is there.
    ///
    /// Beside a database a new one would lock people out of what the old one
    /// sealed, and leave the server with an application that nobody is any more.
    pub(crate) fn web_keys(&self) -> anyhow::Result<KeyFile> {
        let dir = self.service("web")?;
        let keys = KeyFile::open(dir.join("keyring"), &*system().1)?;
        let database = dir.join("web.db");
        if keys.is_new() && database.exists() {
            let shown = dir.join("keyring").display().to_string();
            return Err(anyhow::anyhow!(
                "{} is there, but {shown} is missing",
                database.display()
            ))
            .or_hint(format!(
                "put the keyring back from a backup; or move {} away to start anew",
                database.display()
            ));
        }
        Ok(keys)
    }
}

/// A keyring, and the file that it is yet to be written to.
pub(crate) struct KeyFile {
    pub(crate) keyring: Keyring,
    unsaved: Option<Unsaved>,
}

/// Where new keys will be written. The folder stays locked until they are, so
/// that of several programs that start at once on an empty data directory one
/// makes the keys and the others wait and read them.
struct Unsaved {
    file: PathBuf,
    #[expect(dead_code, reason = "held for its end")]
    folder: Option<fs::File>,
}

impl KeyFile {
    /// Reads the file, or makes new keys in memory when there is none.
    ///
    /// A file that is there is read without the lock: a rotation, which holds it for
    /// long, puts whole files there only.
    ///
    /// New keys are written by [`Self::save`], after the database was found
    /// not to need older ones: a lost keyring must not be papered over.
    pub(crate) fn open(file: PathBuf, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        if let Ok(keyring) = read_keyring(&file) {
            return Ok(Self {
                keyring,
                unsaved: None,
            });
        }
        // There is none, or the first one is being written just now.
        let folder = lock(&file, PATIENCE)?;
        if !file.exists() {
            return Ok(Self {
                keyring: Keyring::generate(entropy),
                unsaved: Some(Unsaved { file, folder }),
            });
        }
        let keyring = read_keyring(&file)?;
        Ok(Self {
            keyring,
            unsaved: None,
        })
    }

    /// Tells whether the keys are new and not written down yet.
    pub(crate) fn is_new(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Takes keys that are kept elsewhere; `name` says where, for messages.
    pub(crate) fn given(name: &str, text: &str) -> anyhow::Result<Self> {
        let keyring = Keyring::parse(text).with_context(|| format!("{name} cannot be read"))?;
        Ok(Self {
            keyring,
            unsaved: None,
        })
    }

    /// Writes new keys down, readable by the owner alone, and never over a file.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        let Some(unsaved) = self.unsaved.take() else {
            return Ok(());
        };
        write_new_keyring(&unsaved.file, &self.keyring)
    }
}

/// Writes a keyring to a new file, readable by the owner alone.
pub(crate) fn write_new_keyring(file: &Path, keyring: &Keyring) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut open = fs::OpenOptions::new();
        let mut handle = open.write(true).create_new(true).mode(0o600).open(file)?;
        handle.write_all(keyring.to_text().as_bytes())?;
        handle.sync_all()?;
        // The name of a new file is durable only when its folder is.
        fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("the keys cannot be written to {}", file.display()))
}

/// A keyring in a file that nobody else replaces meanwhile.
pub(crate) struct LockedKeyring {
    pub(crate) keyring: Keyring,
    file: PathBuf,
    #[expect(dead_code, reason = "held for its end")]
    folder: Option<fs::File>,
}

impl LockedKeyring {
    /// Locks the keyring's folder and reads the keyring.
    pub(crate) fn open(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        // Where it really is: a link must stay one.
        let file = fs::canonicalize(file).with_context(|| format!("{shown} cannot be read"))?;
        let folder = lock(&file, PATIENCE)?;
        Ok(Self {
            keyring: read_keyring(&file)?,
            file,
            folder,
        })
    }

    /// Puts another keyring in the place of this one, readable by the owner
    /// alone. It is on the disk when this returns, and whoever reads the file
    /// sees the whole of either.
    pub(crate) fn replace(&mut self, keyring: Keyring) -> anyhow::Result<()> {
        let mut new = self.file.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let write = || -> std::io::Result<()> {
            // What a stop in the middle left has never been in use.
            if new.exists() {
                fs::remove_file(&new)?;
            }
            let mut open = fs::OpenOptions::new();
            let mut handle = open.write(true).create_new(true).mode(0o600).open(&new)?;
            handle.write_all(keyring.to_text().as_bytes())?;
            handle.sync_all()?;
            fs::rename(&new, &self.file)?;
            fs::File::open(self.file.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        write()
            .with_context(|| format!("the keys cannot be written to {}", self.file.display()))?;
        self.keyring = keyring;
        Ok(())
    }
}

/// How long whoever else has the keyring's folder is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks whether they let go of it.
const PAUSE: Duration = Duration::from_millis(50);

/// Locks the folder of a file, waiting for whoever has it. `None` where files
/// cannot be locked: there a start at the same moment fails, and nothing is lost.
fn lock(file: &Path, patience: Duration) -> anyhow::Result<Option<fs::File>> {
    let Some(folder) = file.parent() else {
        return Ok(None);
    };
    let Ok(handle) = fs::File::open(folder) else {
        return Ok(None);
    };
    let shown = folder.display();
    let mut waited = Duration::ZERO;
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(Some(handle)),
            Err(fs::TryLockError::Error(_)) => return Ok(None),
            Err(fs::TryLockError::WouldBlock) if waited >= patience => {
                return Err(anyhow::anyhow!(
                    "another picard is at work on the keys in {shown}"
                ))
                .or_hint("wait until its start or its `picard key rotate` is done, or end it");
            }
            Err(fs::TryLockError::WouldBlock) => {
                if waited.is_zero() {
                    tracing::warn!(
                        "waiting for another picard that is at work on the keys in {shown}, \
                         for {} seconds at most",
                        patience.as_secs()
                    );
                }
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
        }
    }
}

/// Reads a keyring, which nobody but its owner may be able to read.
pub(crate) fn read_keyring(file: &Path) -> anyhow::Result<Keyring> {
    let shown = file.display();
    let mode = fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?;
    if mode.permissions().mode() & 0o077 != 0 {
        return Err(anyhow::anyhow!(
            "{shown} can be read by others than its owner"
        ))
        .or_hint(format!("chmod 600 {shown}"));
    }
    let text = fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    if text.trim().is_empty() {
        bail!("{shown} is empty; put the keyring back from a backup");
    }
    Keyring::parse(&text).with_context(|| format!("{shown} holds no keyring"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keyring");
        (folder, file)
    }

    fn made(file: &Path) -> Keyring {
        let mut first = KeyFile::open(file.to_owned(), &*system().1).expect("new keys");
        assert!(first.is_new());
        first.save().expect("they are written");
        first.keyring
    }

    #[test]
    fn a_keyring_is_read_while_a_rotation_holds_it() {
        let (_folder, file) = in_folder();
        let keyring = made(&file);
        let _rotating = LockedKeyring::open(&file).expect("it is free");
        let opened = KeyFile::open(file, &*system().1).expect("nobody is waited for");
        assert!(!opened.is_new());
        assert_eq!(opened.keyring.active(), keyring.active());
    }

    #[test]
    fn whoever_else_has_the_folder_is_not_waited_for_without_an_end() {
        let (_folder, file) = in_folder();
        let starting = KeyFile::open(file.clone(), &*system().1).expect("new keys");
        let refused = lock(&file, PAUSE).expect_err("it is taken");
        assert!(refused.to_string().contains("another picard"), "{refused}");
        drop(starting);
        // A process that another test starts this moment holds it until its program runs.
        let free = lock(&file, PATIENCE).expect("it is free");
        assert!(free.is_some());
    }

    #[test]
    fn of_two_first_starts_one_makes_the_keys_and_the_other_reads_them() {
        let (_folder, file) = in_folder();
        let mut first = KeyFile::open(file.clone(), &*system().1).expect("new keys");
        let other = std::thread::spawn({
            let file = file.clone();
            move || KeyFile::open(file, &*system().1).expect("keys")
        });
        first.save().expect("they are written");
        let other = other.join().expect("no panic");
        assert!(!other.is_new());
        assert_eq!(other.keyring.active(), first.keyring.active());
    }
}
