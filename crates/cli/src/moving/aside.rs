//! Giving what is in the place of a database another name, the logs with it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::moving::folder::parent;

/// What SQLite keeps beside a database, and applies to whichever has its name.
pub(crate) const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Returns a name beside a database that neither a file nor its logs have.
pub(crate) fn free_name(path: &Path, time: &str) -> PathBuf {
    let first = with_suffix(path, &format!(".before-restore-{time}"));
    let others = (2..).map(|n| with_suffix(&first, &format!("-{n}")));
    let taken = |name: &PathBuf| {
        let logs = LOGS.map(|log| with_suffix(name, log));
        name.symlink_metadata().is_ok() || logs.iter().any(|log| log.symlink_metadata().is_ok())
    };
    let mut names = [first.clone()].into_iter().chain(others);
    names.find(|name| !taken(name)).unwrap_or(first)
}

/// Tells whether logs lie at a database's name, whether it is there itself or not.
pub(crate) fn has_logs(path: &Path) -> bool {
    LOGS.iter().any(|log| with_suffix(path, log).exists())
}

/// Gives a database a second name, and keeps the first, so that there is a
/// database at every moment.
///
/// One that has logs, which only a damaged one does, has its first name no more
/// afterwards: they must not be taken for those of what gets that name. Both have a second
/// name first; then the database loses the old one, and only then do the logs. So a
/// database never stands without the log that belongs to it.
pub(crate) fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    let logs = LOGS.map(|log| (with_suffix(path, log), with_suffix(aside, log)));
    let logs: Vec<_> = logs.into_iter().filter(|(log, _)| log.exists()).collect();
    let sync = || File::open(parent(path))?.sync_all();
    let linked = match fs::hard_link(path, aside) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Logs alone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        // Not every file system has second names.
        Err(_) => {
            fs::rename(path, aside)?;
            false
        }
    };
    if logs.is_empty() {
        return Ok(());
    }
    if linked {
        for (log, log_aside) in &logs {
            fs::hard_link(log, log_aside)?;
        }
        sync()?;
        fs::remove_file(path)?;
    }
    sync()?;
    for (log, log_aside) in &logs {
        if linked {
            fs::remove_file(log)?;
        } else {
            fs::rename(log, log_aside)?;
        }
    }
    sync()
}

/// Returns a path with something behind its last name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn a_sound_database_keeps_its_name_and_a_taken_name_is_not_given_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.db");
        fs::write(&path, "first").expect("written");
        let aside = free_name(&path, "T");
        assert_eq!(aside, dir.path().join("a.db.before-restore-T"));
        set_aside(&path, &aside).expect("set aside");
        assert_eq!(
            (read(&path), read(&aside)),
            ("first".into(), "first".into())
        );

        let second = free_name(&path, "T");
        assert_eq!(second, dir.path().join("a.db.before-restore-T-2"));
        fs::write(with_suffix(&second, "-wal"), "a log").expect("written");
        let third = free_name(&path, "T");
        assert_eq!(third, dir.path().join("a.db.before-restore-T-3"));
        set_aside(&path, &aside).expect_err("the name is taken");
    }

    #[test]
    fn a_log_goes_with_its_database_and_stays_at_neither_name_without_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, aside) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let (log, log_aside) = (with_suffix(&path, "-wal"), with_suffix(&aside, "-wal"));
        fs::write(&path, "pages").expect("written");
        fs::write(&log, "newer pages").expect("written");
        set_aside(&path, &aside).expect("set aside");
        assert!(!path.exists() && !has_logs(&path));
        assert_eq!(read(&aside), "pages");
        assert_eq!(read(&log_aside), "newer pages");

        let (path, aside) = (dir.path().join("c.db"), dir.path().join("d.db"));
        fs::write(with_suffix(&path, "-wal"), "of what is gone").expect("written");
        set_aside(&path, &aside).expect("set aside");
        assert!(!has_logs(&path) && has_logs(&aside) && !aside.exists());
    }

    #[test]
    fn a_database_whose_log_cannot_be_kept_stays_with_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, aside) = (dir.path().join("a.db"), dir.path().join("b.db"));
        let log = with_suffix(&path, "-wal");
        fs::write(&path, "pages").expect("written");
        fs::write(&log, "newer pages").expect("written");
        fs::write(with_suffix(&aside, "-wal"), "in the way").expect("written");
        set_aside(&path, &aside).expect_err("the log's name is taken");
        assert_eq!(
            (read(&path), read(&log)),
            ("pages".into(), "newer pages".into())
        );
    }
}
