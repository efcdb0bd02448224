//! Whose databases a command is about, and where they are.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
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
    /// client seals with a `SECRET_KEY` that it was given.
    pub(crate) fn keyring(&self, service: Service) -> anyhow::Result<Option<Keyring>> {
        let file = match service {
            Service::Server => match self.keys.own_file(&self.data_dir)? {
                Some(file) => file,
                None => return Ok(Some(self.keys.open(&self.data_dir)?.keyring)),
            },
            Service::Web if self.web.has_secret_key()? => return Ok(None),
            Service::Web => self.data_dir.service("web")?.join("keyring"),
        };
        let there = fs::exists(&file).with_context(|| format!("{}", file.display()))?;
        there.then(|| read_keyring(&file)).transpose()
    }

    /// Returns the file that a service's keys are in, unless they were given otherwise.
    pub(crate) fn keyring_file(&self, service: Service) -> anyhow::Result<Option<PathBuf>> {
        match service {
            Service::Server => self.keys.own_file(&self.data_dir),
            Service::Web if self.web.has_secret_key()? => Ok(None),
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
