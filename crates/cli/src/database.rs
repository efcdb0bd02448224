//! Where a service's database is, and how it is used: declared once, for both
//! services and for the commands that work on their data.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, value_parser};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use picard_sql::sqlite_path;
use picard_store::{Options, Source};

use crate::{data_dir::DataDir, hint::OrHint as _, migrate::Service, secret::Secret};

/// For how long a service waits for its database, in seconds.
const SERVICE_WAITS: u64 = 60;

/// For how long a command does: somebody looks on.
const COMMAND_WAITS: u64 = 5;

/// After how long a silent connection is given up, when PostgreSQL is told no limit.
const SILENCE: Duration = Duration::from_mins(1);

/// How much longer than what PostgreSQL is told.
const GRACE: Duration = Duration::from_secs(5);

/// Where a service's database is.
#[derive(Args, Clone)]
pub(crate) struct Database {
    /// sqlite:PATH or postgres://… [default: from DB_NAME, or SQLite in the data directory]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// A file that holds the database's address
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: Option<PathBuf>,
    /// The name of a PostgreSQL database, when no address is given
    #[arg(long, env = "DB_NAME", value_name = "NAME")]
    db_name: Option<String>,
    /// Its user
    #[arg(long, env = "DB_USER", value_name = "USER", default_value = "postgres")]
    db_user: String,
    /// The user's password
    #[arg(
        long,
        env = "DB_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    db_password: Option<String>,
    /// A file that holds the user's password
    #[arg(long, env = "DB_PASSWORD_FILE", value_name = "FILE")]
    db_password_file: Option<PathBuf>,
    /// Its host, or the folder of its socket
    #[arg(
        long,
        env = "DB_HOST",
        value_name = "HOST",
        default_value = "localhost"
    )]
    db_host: String,
    /// Its port
    #[arg(long, env = "DB_PORT", value_name = "PORT", default_value_t = 5432)]
    db_port: u16,
    #[command(flatten)]
    limits: Limits,
}

/// How PostgreSQL is used.
#[derive(Args, Clone)]
struct Limits {
    /// How long to wait for a PostgreSQL that is not up yet [default: 60, commands 5]
    #[arg(long, env = "PICARD_DATABASE_WAIT", value_name = "SECONDS")]
    database_wait: Option<u64>,
    /// The most connections to PostgreSQL
    #[arg(
        long,
        env = "PICARD_DATABASE_CONNECTIONS",
        value_name = "N",
        default_value_t = 10,
        value_parser = value_parser!(u32).range(1..=10_000)
    )]
    database_connections: u32,
    /// How long a request waits for a free connection
    #[arg(
        long,
        env = "PICARD_DATABASE_ACQUIRE_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 5,
        value_parser = value_parser!(u64).range(1..=3600)
    )]
    database_acquire_timeout: u64,
    /// How long PostgreSQL may work on one statement; 0 for what the role has
    #[arg(
        long,
        env = "PICARD_DATABASE_STATEMENT_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 30
    )]
    database_statement_timeout: u64,
    /// How long a transaction may stand still until PostgreSQL ends it; 0 for what the role has
    #[arg(
        long,
        env = "PICARD_DATABASE_IDLE_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    database_idle_timeout: u64,
}

impl Database {
    /// Waits as long as a service does, unless the person said otherwise.
    pub(crate) fn for_service(&mut self) {
        self.limits.database_wait.get_or_insert(SERVICE_WAITS);
    }

    /// Returns the server's database; SQLite in the data directory by default.
    pub(crate) fn of_server(&self, data_dir: &DataDir) -> anyhow::Result<Source> {
        self.source(|| embedded_server(data_dir))
    }

    /// Returns the web client's database; SQLite in the data directory by default.
    pub(crate) fn of_web(&self, data_dir: &DataDir) -> anyhow::Result<Source> {
        self.source(|| embedded_web(data_dir))
    }

    /// Returns the database of one service, where the settings are those of both:
    /// an address is the server's then, and a name the web client's.
    pub(crate) fn of_each(&self, service: Service, data_dir: &DataDir) -> anyhow::Result<Source> {
        let mut own = self.clone();
        match service {
            Service::Server => {
                own.db_name = None;
                own.of_server(data_dir)
            }
            Service::Web => {
                (own.database_url, own.database_url_file) = (None, None);
                own.of_web(data_dir)
            }
        }
    }

    /// Returns the server's database, for a command that needs what is in it
    /// and must not make an empty one in its place.
    pub(crate) fn existing(&self, data_dir: &DataDir) -> anyhow::Result<Source> {
        let source = self.of_server(data_dir)?;
        if let Some(file) = not_made(&source) {
            return Err(anyhow::anyhow!(
                "there is no database at {}",
                file.display()
            ))
            .or_hint("say where the data is with --data-dir, or set DATABASE_URL");
        }
        Ok(source)
    }

    fn source(&self, embedded: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Source> {
        let given = Secret {
            name: "DATABASE_URL",
            value: self.database_url.as_ref(),
            file: self.database_url_file.as_ref(),
        };
        let address = match (given.read()?, &self.db_name) {
            (Some(url), _) => url,
            (None, Some(name)) => self.address_of(name)?,
            (None, None) => embedded()?,
        };
        Ok(Source {
            address,
            options: self.limits.options(),
        })
    }

    /// Makes an address of the `DB_*` settings, whatever characters they hold.
    fn address_of(&self, name: &str) -> anyhow::Result<String> {
        let password = Secret {
            name: "DB_PASSWORD",
            value: self.db_password.as_ref(),
            file: self.db_password_file.as_ref(),
        };
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = password.read()?;
        let password = password.map_or(String::new(), |password| format!(":{}", encode(&password)));
        let (user, name, port) = (encode(&self.db_user), encode(name), self.db_port);
        let host = &self.db_host;
        let host = match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            // The folder of a socket has slashes.
            Err(_) if host.starts_with('/') => encode(host),
            Err(_) => host.clone(),
        };
        Ok(format!("postgres://{user}{password}@{host}:{port}/{name}"))
    }
}

impl Limits {
    fn options(&self) -> Options {
        let limit = |seconds| (seconds > 0).then_some(Duration::from_secs(seconds));
        let statement_timeout = limit(self.database_statement_timeout);
        Options {
            connections: self.database_connections,
            patience: Duration::from_secs(self.database_acquire_timeout),
            statement_timeout,
            idle_in_transaction: limit(self.database_idle_timeout),
            silence: Some(statement_timeout.map_or(SILENCE, |limit| limit + GRACE)),
            wait: Duration::from_secs(self.database_wait.unwrap_or(COMMAND_WAITS)),
            ..Options::default()
        }
    }
}

/// Returns the file of an SQLite database that is not there yet.
///
/// An address that cannot be read has none; whoever opens it says what is wrong.
pub(crate) fn not_made(source: &Source) -> Option<&Path> {
    let file = sqlite_path(&source.address).ok()??;
    (!file.exists()).then_some(file)
}

/// Returns the address of the server's SQLite database in the data directory.
pub(crate) fn embedded_server(data_dir: &DataDir) -> anyhow::Result<String> {
    let file = data_dir.service("server")?.join("picard.db");
    Ok(format!("sqlite:{}", file.display()))
}

/// Returns the address of the web client's SQLite database in the data directory.
pub(crate) fn embedded_web(data_dir: &DataDir) -> anyhow::Result<String> {
    let file = data_dir.service("web")?.join("web.db");
    Ok(format!("sqlite:{}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        database: Database,
    }

    fn address(arguments: &[&str]) -> String {
        let line = ["picard"].iter().chain(arguments);
        let line = <Line as clap::Parser>::try_parse_from(line).expect("it parses");
        let source = line.database.source(|| Ok("embedded".to_owned()));
        source.expect("it is good").address
    }

    #[test]
    fn the_parts_of_an_address_may_hold_any_character() {
        let odd = ["--db-name", "a/b?c", "--db-user", "ü@", "--db-password"];
        let made = address(&[&odd[..], &["100%25:/#[", "--db-host", "::1"]].concat());
        assert_eq!(
            made,
            "postgres://%C3%BC%40:100%2525%3A%2F%23%5B@[::1]:5432/a%2Fb%3Fc"
        );
        let socket = address(&["--db-name", "a", "--db-host", "/run/postgresql"]);
        assert_eq!(socket, "postgres://postgres@%2Frun%2Fpostgresql:5432/a");
    }

    #[test]
    fn a_file_is_looked_for_where_it_would_be_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("picard.db");
        let source = |slashes: &str, query: &str| Source {
            address: format!("sqlite:{slashes}{}{query}", file.display()),
            options: Options::default(),
        };
        assert_eq!(not_made(&source("//", "?mode=rwc")), Some(&*file));
        std::fs::write(&file, "").expect("it can be written");
        for source in [source("", ""), source("//", ""), source("", "?mode=rwc")] {
            assert_eq!(not_made(&source), None, "{}", source.address);
        }
    }

    #[test]
    fn a_silent_connection_is_given_up_whatever_postgresql_is_told() {
        let options = |seconds: &str| {
            let line = ["picard", "--database-statement-timeout", seconds];
            let line = <Line as clap::Parser>::try_parse_from(line).expect("it parses");
            line.database.limits.options()
        };
        let limited = options("30");
        assert!(limited.silence > limited.statement_timeout);
        let unlimited = options("0");
        assert_eq!(unlimited.statement_timeout, None);
        assert_eq!(unlimited.silence, Some(SILENCE));
    }

    #[test]
    fn an_address_comes_before_a_name_and_a_name_before_the_data_directory() {
        let both = ["--database-url", "postgres://a@b/c", "--db-name", "d"];
        assert_eq!(address(&both), "postgres://a@b/c");
        assert_eq!(address(&["--db-host", "b"]), "embedded");
    }
}
