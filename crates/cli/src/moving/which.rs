//! Whose databases a command is about, and where they are.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};
use picard_crypto::{KeyId, Keyring};
use picard_sql::sqlite_path;

use crate::{
    data_dir::{DataDir, read_keyring},
    database,
    hint::OrHint as _,
    keys::Keys,
    logging::Logging,
    migrate::Service,
    secret::Secret,
    web::WebSettings,
};

/// One service or both, each with its database and its keys.
#[derive(Args)]
pub(crate) struct Which {
    #[command(flatten)]
    line: Line,
    /// One service alone; DATABASE_URL is its database then [default: both]
    #[arg(long = "of", value_enum)]
    of: Option<Service>,
    /// The web client's database when DATABASE_URL is the server's [default: from DB_NAME, or SQLite in the data directory]
    #[arg(
        long,
        env = "PICARD_WEB_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    web_database_url: Option<String>,
    /// A file that holds its address
    #[arg(long, env = "PICARD_WEB_DATABASE_URL_FILE", value_name = "FILE")]
    web_database_url_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    web: WebSettings,
    #[command(flatten)]
    pub(crate) logging: Logging,
}

/// Which addresses stand in the command line itself: what somebody writes there
/// is meant for this command, and what is in the environment may be for others.
struct Line {
    database: bool,
    web_database: bool,
}

impl FromArgMatches for Line {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_in = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
        Ok(Self {
            database: is_in("database_url") || is_in("database_url_file"),
            web_database: is_in("web_database_url") || is_in("web_database_url_file"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Line {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl Which {
    /// The services that the command was given, or both.
    pub(crate) fn asked(&self) -> Option<Service> {
        self.of
    }

    /// Returns the address of a service's database.
    pub(crate) fn address(&self, service: Service) -> anyhow::Result<String> {
        let web = Secret {
            name: "PICARD_WEB_DATABASE_URL",
            value: self.web_database_url.as_ref(),
            file: self.web_database_url_file.as_ref(),
        };
        match (service, self.of, web.read()?) {
            (Service::Web, Some(_), Some(url)) if self.line.database => {
                let own = self.web.database.of_web(&self.data_dir)?.address;
                if self.line.web_database && own != url {
                    return Err(anyhow::anyhow!(
                        "--database-url and --web-database-url name two databases of the web client"
                    ))
                    .or_hint("with --of web, give one of them");
                }
                return Ok(own);
            }
            (Service::Web, _, Some(url)) => return Ok(url),
            (Service::Server, Some(_), _) => self.web.database.of_server(&self.data_dir),
            (Service::Web, Some(_), None) => self.web.database.of_web(&self.data_dir),
            (service, None, _) => self.web.database.of_each(service, &self.data_dir),
        }
        .map(|source| source.address)
    }

    /// Returns the services that have a database, with its address. An error when
    /// the one that was asked for, or each of them, has none.
    pub(crate) fn existing(&self) -> anyhow::Result<Vec<(Service, String)>> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for service in Service::ALL {
            if self.of.is_some_and(|of| of != service) {
                continue;
            }
            let address = self.address(service)?;
            match sqlite_path(&address)? {
                Some(path) if !path.exists() => missing.push(path.display().to_string()),
                _ => found.push((service, address)),
            }
        }
        if found.is_empty() {
            return Err(anyhow::anyhow!(
                "there is no database at {}",
                missing.join(" or ")
            ))
            .or_hint("say where the data is with --data-dir, or set DATABASE_URL");
        }
        Ok(found)
    }

    /// Returns a service's keyring; `None` when there is none, or when the web
    /// client was given all that would follow from it.
    pub(crate) fn keyring(&self, service: Service) -> anyhow::Result<Option<Keyring>> {
        let file = match service {
            Service::Server => match self.keys.own_file(&self.data_dir)? {
                Some(file) => file,
                None => return Ok(Some(self.keys.open(&self.data_dir)?.keyring)),
            },
            Service::Web if !self.web.needs_keyring()? => return Ok(None),
            Service::Web => self.data_dir.service("web")?.join("keyring"),
        };
        let there = fs::exists(&file).with_context(|| format!("{}", file.display()))?;
        there.then(|| read_keyring(&file)).transpose()
    }

    /// Returns the file that a service's keys are in, unless they were given otherwise.
    pub(crate) fn keyring_file(&self, service: Service) -> anyhow::Result<Option<PathBuf>> {
        match service {
            Service::Server => self.keys.own_file(&self.data_dir),
            Service::Web if !self.web.needs_keyring()? => Ok(None),
            Service::Web => Ok(Some(self.data_dir.service("web")?.join("keyring"))),
        }
    }

    /// Says where the keys of a service are kept, for people.
    pub(crate) fn keys_are(&self, service: Service) -> anyhow::Result<String> {
        Ok(match (self.keyring_file(service)?, service) {
            (Some(file), _) => file.display().to_string(),
            (None, Service::Server) => self.keys.origin(&self.data_dir)?,
            (None, Service::Web) => "SECRET_KEY".to_owned(),
        })
    }

    /// Tells whether the web client has a `SECRET_KEY` beside its keyring, which
    /// no backup holds.
    pub(crate) fn has_secret_key_besides(&self) -> anyhow::Result<bool> {
        Ok(self.web.has_secret_key()? && self.web.needs_keyring()?)
    }
}

/// Returns the address of a service's SQLite database in the data directory.
pub(crate) fn embedded(service: Service, data_dir: &DataDir) -> anyhow::Result<String> {
    match service {
        Service::Server => database::embedded_server(data_dir),
        Service::Web => database::embedded_web(data_dir),
    }
}

/// Returns the names of the master keys that a database needs. Of the web client's
/// that is not written in it; it is the key that its secrets follow from.
pub(crate) async fn needed(
    service: Service,
    database: &picard_sql::Db,
    keyring: Option<&Keyring>,
) -> anyhow::Result<Vec<KeyId>> {
    match service {
        Service::Server => {
            let ids = picard_store::users::key_ids_in_use(database).await?;
            let ids = ids.iter().map(|id| id.parse());
            ids.collect::<Result<_, _>>()
                .context("the database names a master key in an unknown form")
        }
        Service::Web => Ok(keyring.map(Keyring::active).into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Whole {
        #[command(flatten)]
        which: Which,
    }

    fn web_address(arguments: &[&str]) -> anyhow::Result<String> {
        let line = ["picard", "--of", "web"].iter().chain(arguments);
        let whole = Whole::try_parse_from(line).expect("it parses");
        whole.which.address(Service::Web)
    }

    #[test]
    fn two_different_addresses_of_one_database_are_refused() {
        let (one, other) = ("postgres://a/one", "postgres://a/other");
        let both = |web| web_address(&["--database-url", one, "--web-database-url", web]);
        assert_eq!(both(one).expect("they agree"), one);
        let error = both(other).expect_err("they differ");
        assert!(error.to_string().contains("two databases"), "{error:#}");
        assert_eq!(
            web_address(&["--web-database-url", other]).expect("one"),
            other
        );
    }
}
