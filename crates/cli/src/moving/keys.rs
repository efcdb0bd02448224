//! What becomes of a service's keyring when a backup is put back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use picard_crypto::Keyring;

use crate::data_dir::{LockedKeyring, read_keyring, write_new_keyring};

/// What becomes of it. A keyring in here is the backup's: what is there is
/// looked at again, under its lock, when the plan is carried out.
pub(crate) enum KeyPlan {
    /// It opens the backup.
    Enough,
    /// There is none: that of the backup becomes it.
    New(PathBuf, Keyring),
    /// The keys of the backup come behind those that are there.
    Behind(PathBuf, Keyring),
    /// They come in front, so that the first of them is the active one.
    InFront(PathBuf, Keyring),
}

/// What a plan changed, until it is known that it stays so.
#[must_use]
pub(crate) enum Changed {
    /// Nothing that would have to be taken back: keys behind the others are in nobody's way.
    Nothing,
    /// A new file with these keys.
    New(PathBuf, Keyring),
    /// Another active key. The keyring stays locked meanwhile, and this is what it was.
    Active(LockedKeyring, Keyring),
}

impl KeyPlan {
    pub(crate) fn carry_out(self) -> anyhow::Result<Changed> {
        Ok(match self {
            Self::Enough => Changed::Nothing,
            Self::New(file, theirs) => {
                write_new_keyring(&file, &theirs)?;
                Changed::New(file, theirs)
            }
            Self::Behind(file, theirs) => {
                let mut here = LockedKeyring::open(&file)?;
                let both = joined(&here.keyring, &theirs)?;
                here.replace(both)?;
                Changed::Nothing
            }
            Self::InFront(file, theirs) => {
                let mut here = LockedKeyring::open(&file)?;
                let before = here.keyring.clone();
                here.replace(joined(&theirs, &before)?)?;
                Changed::Active(here, before)
            }
        })
    }
}

impl Changed {
    /// Puts the previous keyring back.
    pub(crate) fn take_back(self) -> anyhow::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::New(file, theirs) => remove(&file, &theirs),
            Self::Active(mut here, before) => here.replace(before),
        }
    }
}

/// Removes a keyring that is still what was written.
fn remove(file: &Path, written: &Keyring) -> anyhow::Result<()> {
    if *read_keyring(file)?.to_text() == *written.to_text() {
        fs::remove_file(file).with_context(|| format!("{} cannot be removed", file.display()))?;
    }
    Ok(())
}

/// Joins two keyrings, the first one's active key staying so.
fn joined(first: &Keyring, then: &Keyring) -> anyhow::Result<Keyring> {
    let (first, then) = (first.to_text(), then.to_text());
    let mut keys: Vec<&str> = first.split_whitespace().collect();
    keys.extend(then.split_whitespace());
    let mut seen = Vec::new();
    for key in keys {
        if !seen.contains(&key) {
            seen.push(key);
        }
    }
    let text = picard_crypto::Zeroizing::new(seen.join("\n"));
    Keyring::parse(&text).context("the keys cannot be joined")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::system;

    fn keyring() -> Keyring {
        Keyring::generate(&*system().1)
    }

    fn text(file: &Path) -> String {
        fs::read_to_string(file).expect("a keyring")
    }

    #[test]
    fn keys_are_joined_to_those_that_are_there_then_and_not_to_those_of_an_earlier_look() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, theirs) = (dir.path().join("keyring"), keyring());
        let (before, rotated) = (keyring(), keyring());
        for in_front in [false, true] {
            let _ = fs::remove_file(&file);
            write_new_keyring(&file, &before).expect("written");
            let plan = if in_front {
                KeyPlan::InFront(file.clone(), theirs.clone())
            } else {
                KeyPlan::Behind(file.clone(), theirs.clone())
            };
            let both = joined(&rotated, &before).expect("joined");
            let rotation = LockedKeyring::open(&file).expect("locked").replace(both);
            rotation.expect("rotated");
            drop(plan.carry_out().expect("carried out"));
            let all = read_keyring(&file).expect("a keyring");
            let first = if in_front { &theirs } else { &rotated };
            assert_eq!(all.active(), first.active());
            for one in [&before, &rotated, &theirs] {
                assert!(all.key_ids().contains(&one.active()));
            }
        }
    }

    #[test]
    fn what_could_not_be_used_is_taken_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let (file, theirs) = (dir.path().join("keyring"), keyring());
        let new = KeyPlan::New(file.clone(), theirs.clone()).carry_out();
        let new = new.expect("carried out");
        assert_eq!(text(&file), *theirs.to_text());
        new.take_back().expect("taken back");
        assert!(!file.exists());

        write_new_keyring(&file, &keyring()).expect("written");
        let before = text(&file);
        let changed = KeyPlan::InFront(file.clone(), theirs.clone()).carry_out();
        let changed = changed.expect("carried out");
        assert!(text(&file).starts_with(theirs.to_text().trim_end()));
        changed.take_back().expect("taken back");
        assert_eq!(text(&file), before);
    }
}
