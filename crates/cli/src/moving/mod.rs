//! Databases as wholes: from one to the other, into a backup, out of one again.
//!
//! The commands are in `migrate.rs`, `backup.rs` and `restore.rs` beside this;
//! here is what they do. Nobody here looks at what the rows mean, except for the
//! names of the master keys that a server's database needs.

pub(crate) mod aside;
pub(crate) mod backup;
pub(crate) mod before;
pub(crate) mod folder;
pub(crate) mod keys;
pub(crate) mod manifest;
pub(crate) mod restore;
pub(crate) mod transfer;
pub(crate) mod which;

use std::time::Duration;

use picard_domain::Instant;
use picard_sql::{Options, Schema, copy::TableDigest, sqlite_path};
use url::Url;

use crate::migrate::Service;

impl Service {
    /// Both, in the order in which they are spoken of.
    pub(crate) const ALL: [Self; 2] = [Self::Server, Self::Web];

    /// Its name in files and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Web => "web",
        }
    }

    /// Its name in sentences.
    pub(crate) fn spoken(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Web => "web client",
        }
    }

    /// The versions of its tables.
    pub(crate) fn schema(self) -> &'static Schema {
        match self {
            Self::Server => &picard_store::SCHEMA,
            Self::Web => &picard_web::SCHEMA,
        }
    }

    /// Its schema as it was at a version.
    pub(crate) fn schema_at(self, version: i64) -> Schema {
        let schema = self.schema();
        Schema {
            name: schema.name,
            migrations: &schema.migrations[..version as usize],
        }
    }

    /// The newest version that this program knows.
    pub(crate) fn newest(self) -> i64 {
        self.schema().migrations.len() as i64
    }
}

/// Returns an address as it may be shown and written down: without user and
/// password, a file by its full path.
pub(crate) fn shown(address: &str) -> anyhow::Result<String> {
    if let Some(path) = sqlite_path(address)? {
        let full = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        return Ok(format!("sqlite:{}", full?.display()));
    }
    let Ok(mut url) = Url::parse(address) else {
        return Err(picard_sql::Error::Address.into());
    };
    // These fail only for addresses that cannot have a user anyway.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let kept = ["host", "port", "dbname"];
    let query: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| kept.contains(&&**name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url.into())
}

/// How databases are used here: a statement may take as long as it takes, and a
/// transaction stands still while the other database works, whatever limits the
/// role has.
pub(crate) fn unhurried() -> Options {
    Options {
        statement_timeout: Some(Duration::ZERO),
        idle_in_transaction: Some(Duration::ZERO),
        silence: None,
        wait: Duration::from_secs(5),
        ..Options::default()
    }
}

/// Returns the tables in which two databases differ, with a comma between.
pub(crate) fn differing(one: &[TableDigest], other: &[TableDigest]) -> String {
    let other_of = |table: &TableDigest| other.iter().find(|found| found.table == table.table);
    let differs = one
        .iter()
        .filter(|table| other_of(table) != Some(table))
        .map(|table| table.table.as_str());
    differs.collect::<Vec<_>>().join(", ")
}

/// Returns how many rows tables have together.
pub(crate) fn rows(tables: &[TableDigest]) -> u64 {
    tables.iter().map(|table| table.rows).sum()
}

/// Writes how many rows there are.
pub(crate) fn in_words(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

/// Returns an instant for the name of a file: `20251231T235959Z`.
pub(crate) fn file_time(at: Instant) -> String {
    let text = at.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{}Z", whole.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_who_logs_in_and_how() {
        let address = "postgres://picard:secret@db:5433/picard?password=x&host=%2Frun&user=y";
        let shown = shown(address).expect("an address");
        assert_eq!(shown, "postgres://db:5433/picard?host=%2Frun");
    }

    #[test]
    fn the_time_in_a_name_sorts_as_a_text() {
        let at = |text: &str| file_time(text.parse().expect("an instant"));
        assert_eq!(at("2025-12-31T23:59:59Z"), "20251231T235959Z");
        assert_eq!(at("2025-12-31T23:59:59.25Z"), "20251231T235959Z");
    }
}
