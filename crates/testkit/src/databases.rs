//! One story, told on both databases.

use picard_sql::{Db, Options};
use tempfile::TempDir;

use crate::postgres;

/// An empty database for one test.
pub struct TestDatabase {
    url: String,
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// A file of SQLite in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self {
            url,
            folder: Some(folder),
        }
    }

    /// A database on the process's PostgreSQL server.
    pub async fn postgres() -> Self {
        Self {
            url: postgres::create_database().await,
            folder: None,
        }
    }

    /// Returns its address, as [`Db::open`] takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, with as many connections as a test of races wants.
    pub async fn open(&self) -> Db {
        let options = Options {
            connections: 20,
            ..Options::default()
        };
        Db::open(&self.url, &options)
            .await
            .expect("a new database opens")
    }

    /// Removes it.
    pub async fn remove(self) {
        if self.folder.is_none() {
            postgres::drop_database(&self.url).await;
        }
    }
}

/// Tells a story on an empty SQLite file, then on an empty PostgreSQL database.
///
/// When it fails, the output says on which.
pub async fn databases(story: impl AsyncFn(&TestDatabase)) {
    for (database, name) in [
        (TestDatabase::sqlite(), "SQLite"),
        (TestDatabase::postgres().await, "PostgreSQL"),
    ] {
        let telling = Telling(name);
        story(&database).await;
        drop(telling);
        database.remove().await;
    }
}

struct Telling(&'static str);

impl Drop for Telling {
    #[expect(
        clippy::print_stderr,
        reason = "the test harness shows it with the failed test"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on {}", self.0);
        }
    }
}
