//! The folder of a backup on the disk: complete, or under another name.
//!
//! ```text
//! manifest.json  server.db  web.db  [server.keyring  web.keyring]  SHA256SUMS
//! ```
//!
//! `SHA256SUMS` covers all others, so a changed byte anywhere is found, also by
//! `sha256sum -c`. It tells of damage, not of forgery: whoever can write there can
//! write this too.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::{hint::OrHint as _, migrate::Service, moving::manifest::Manifest};

const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";

/// The file of a service's tables in a backup.
pub(crate) fn database_name(service: Service) -> String {
    format!("{}.db", service.name())
}

/// The file of a service's keys in a backup.
pub(crate) fn keyring_name(service: Service) -> String {
    format!("{}.keyring", service.name())
}

/// A folder that becomes a backup. Until then its name ends in `.partial`, and
/// it is gone when it is dropped.
pub(crate) struct Partial {
    path: PathBuf,
    to: PathBuf,
    kept: bool,
    /// Locked while somebody works here: what a killed program left is not.
    _lock: File,
}

impl Partial {
    /// Makes the folder. Nothing may be at `to`.
    pub(crate) fn begin(to: &Path) -> anyhow::Result<Self> {
        free(to)?;
        // By the last name, as a slash may stand behind it.
        let name = to
            .file_name()
            .ok_or_else(|| anyhow::anyhow!("{} is no name of a new folder", to.display()))
            .or_hint("choose another --to")?;
        let to = to.with_file_name(name);
        let mut name = name.to_owned();
        name.push(".partial");
        let path = to.with_file_name(name);
        let shown = path.display();
        let made = match make(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let left = File::open(&path)?;
                match left.try_lock() {
                    Err(TryLockError::WouldBlock) => {
                        return Err(anyhow::anyhow!(
                            "another backup is being written to {shown}"
                        ))
                        .or_hint("wait for it, or choose another --to");
                    }
                    _ => fs::remove_dir_all(&path).with_context(|| {
                        format!(
                            "{shown} is a rest of a backup that was stopped and cannot be removed"
                        )
                    })?,
                }
                make(&path)
            }
            made => made,
        };
        made.with_context(|| format!("{shown} cannot be made"))
            .or_hint("choose a folder that you may write to")?;
        let lock = File::open(&path)?;
        // Where files cannot be locked, two backups to one place fail in some other way.
        let _ = lock.try_lock();
        Ok(Self {
            path,
            to,
            kept: false,
            _lock: lock,
        })
    }

    /// Returns the path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it, readable by the owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let write = || {
            let mut open = fs::OpenOptions::new();
            let mut file = open
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(self.file(name))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("{} cannot be written", self.file(name).display()))
    }

    /// Writes the manifest and the sums and gives the folder its name.
    pub(crate) fn keep(mut self, manifest: &Manifest) -> anyhow::Result<()> {
        self.write(MANIFEST, &manifest.write()?)?;
        let mut sums = BTreeMap::new();
        for name in names(&self.path)? {
            let sum = sum_of(&self.file(&name))?;
            sums.insert(name, sum);
        }
        self.write(SUMS, &sums_text(&sums))?;
        let name_it = || {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, &self.to)?;
            File::open(parent(&self.to))?.sync_all()
        };
        free(&self.to)?;
        name_it().with_context(|| format!("{} cannot be made", self.to.display()))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // What stays has a name that nobody takes for a backup.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// A backup whose files are as they were written.
pub(crate) struct Backup {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    sums: BTreeMap<String, String>,
}

impl Backup {
    /// Opens it and compares every file with its sum.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let read = |name: &str| {
            fs::read_to_string(path.join(name))
                .with_context(|| format!("{} cannot be read", path.join(name).display()))
                .or_hint("a folder that `picard backup` wrote has manifest.json and SHA256SUMS; take another backup if this one is damaged")
        };
        let text = read(SUMS)?;
        let damaged = |what: String| {
            Err(anyhow::anyhow!("{shown} is damaged: {what}"))
                .or_hint("nothing was changed; take another backup")
        };
        let mut sums = BTreeMap::new();
        for line in text.lines() {
            match line.split_once("  ") {
                Some((sum, name)) if !name.contains('/') => {
                    sums.insert(name.to_owned(), sum.to_owned());
                }
                _ => return damaged(format!("{SUMS} has a line that is no sum")),
            }
        }
        if sums_text(&sums) != text {
            return damaged(format!("{SUMS} is not complete"));
        }
        for (name, sum) in &sums {
            match sum_of(&path.join(name)) {
                Ok(found) if found == *sum => {}
                Ok(_) => return damaged(format!("{name} is not what {SUMS} says")),
                Err(error) => return damaged(format!("{name}: {error}")),
            }
        }
        if !sums.contains_key(MANIFEST) {
            return damaged(format!("{SUMS} does not name {MANIFEST}"));
        }
        let manifest = Manifest::read(&read(MANIFEST)?)?;
        let backup = Self {
            path: path.to_owned(),
            manifest,
            sums,
        };
        for (service, part) in backup.manifest.parts() {
            let keyring = part.with_keys.then(|| keyring_name(service));
            for name in keyring.into_iter().chain([database_name(service)]) {
                if !backup.sums.contains_key(&name) {
                    return damaged(format!("{name} is missing"));
                }
            }
        }
        Ok(backup)
    }

    /// Returns the path of a service's tables in it.
    pub(crate) fn database(&self, service: Service) -> PathBuf {
        self.path.join(database_name(service))
    }

    /// Copies a service's tables to a new file of mode 0600 and makes sure that
    /// what arrived is what was written.
    pub(crate) fn copy_database(&self, service: Service, to: &Path) -> anyhow::Result<()> {
        let name = database_name(service);
        let copy = || {
            let mut from = File::open(self.path.join(&name))?;
            let mut open = fs::OpenOptions::new();
            let mut file = open.write(true).create_new(true).mode(0o600).open(to)?;
            io::copy(&mut from, &mut file)?;
            file.sync_all()
        };
        copy()
            .with_context(|| format!("{} cannot be written", to.display()))
            .or_hint("make room there; nothing was changed")?;
        if self.sums.get(&name) != Some(&sum_of(to)?) {
            anyhow::bail!("{} is not what was copied to it", to.display());
        }
        Ok(())
    }
}

/// Refuses a name that is taken. An empty folder may be there.
fn free(path: &Path) -> anyhow::Result<()> {
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.symlink_metadata().is_ok() && !is_empty() {
        return Err(anyhow::anyhow!("{} is there already", path.display()))
            .or_hint("choose another --to; a backup writes over nothing");
    }
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Returns the folder that a path is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Writes sums as `sha256sum` does.
fn sums_text(sums: &BTreeMap<String, String>) -> String {
    let lines = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    lines.collect()
}

fn sum_of(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut state = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&state.finalize())),
            read => state.update(&piece[..read]),
        }
    }
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| {
        let (high, low) = (byte >> 4, byte & 15);
        let digit = |n: u8| char::from_digit(n.into(), 16).unwrap_or_default();
        text + &format!("{}{}", digit(high), digit(low))
    })
}
