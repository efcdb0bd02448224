//! Where the memories of a measurement are: a folder that is removed at the end, or one that
//! is kept so that the next measurement need not embed them again.
//!
//! A kept folder says in `eval.json` what it holds, so that neither another file's memories
//! are taken for this one's, nor a folder is written to that is something else.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use picard_crypto::Keyring;
use picard_store::Source;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{data_dir::KeyFile, hint::OrHint as _, system::system};

/// What a kept folder says of itself.
const LABEL: &str = "eval.json";

/// Where memories are stored.
pub(super) enum Folder {
    /// Removed when this is dropped.
    Temporary(TempDir),
    /// Kept.
    Kept(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Label {
    contents: String,
}

impl Folder {
    /// Makes a folder for this measurement alone, readable by its owner.
    pub(super) fn temporary() -> anyhow::Result<Self> {
        let made = tempfile::Builder::new().prefix("picard-eval-").tempdir();
        made.map(Self::Temporary)
            .context("a temporary folder cannot be made")
            .or_hint("set TMPDIR to a folder that you may write to, or use --keep")
    }

    /// Opens a folder that is kept, or makes it. `contents` names what it is to hold.
    pub(super) fn kept(folder: &Path, contents: &str) -> anyhow::Result<Self> {
        let shown = folder.display();
        let label = folder.join(LABEL);
        if let Ok(text) = fs::read_to_string(&label) {
            let same =
                serde_json::from_str::<Label>(&text).is_ok_and(|label| label.contents == contents);
            if !same {
                return Err(anyhow::anyhow!(
                    "{shown} holds the memories of another file, of another model or of another version"
                ))
                .or_hint("choose another folder, or remove this one");
            }
            return Ok(Self::Kept(folder.to_owned()));
        }
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(anyhow::anyhow!(
                "{shown} is not empty, and nothing that picard eval kept"
            ))
            .or_hint("choose a folder that is not there yet");
        }
        let make = || -> std::io::Result<()> {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            let contents = contents.to_owned();
            fs::write(label, serde_json::to_string(&Label { contents })?)
        };
        make().with_context(|| format!("{shown} cannot be made"))?;
        Ok(Self::Kept(folder.to_owned()))
    }

    /// Returns where the database is.
    pub(super) fn database(&self) -> Source {
        let file = self.path().join("picard.db");
        format!("sqlite:{}", file.display()).into()
    }

    /// Returns the master keys: of a kept folder those in it, else new ones that are
    /// written nowhere.
    pub(super) fn keyring(&self) -> anyhow::Result<Keyring> {
        match self {
            Self::Temporary(_) => Ok(Keyring::generate(&*system().1)),
            Self::Kept(folder) => {
                let mut keys = KeyFile::open(folder.join("keyring"), &*system().1)?;
                keys.save()?;
                Ok(keys.keyring)
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_folder_is_opened_for_the_same_contents_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("kept");
        for _ in 0..2 {
            Folder::kept(&folder, "these").expect("it is the same");
        }
        let refused = Folder::kept(&folder, "others")
            .err()
            .expect("it is refused");
        assert!(refused.to_string().contains("another file"), "{refused}");
    }

    #[test]
    fn a_folder_of_something_else_is_not_written_to() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("picard.db"), "precious").expect("it can be written");
        let refused = Folder::kept(place.path(), "these")
            .err()
            .expect("it is refused");
        assert!(refused.to_string().contains("is not empty"), "{refused}");
        assert!(!place.path().join(LABEL).exists());
    }

    #[test]
    fn the_keys_of_a_kept_folder_stay_the_same() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::kept(&place.path().join("kept"), "these").expect("it is made");
        let first = folder.keyring().expect("keys");
        assert_eq!(folder.keyring().expect("keys").active(), first.active());
    }
}
