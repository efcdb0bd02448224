//! `picard migrate`: brings a database to the version that this binary needs,
//! or copies databases from one place to another.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use picard_web::Web;

use crate::{
    data_dir::DataDir,
    hint::OrHint as _,
    logging::Logging,
    moving::{
        before::before_migration, in_words, rows, shown, transfer::Transfer, which::embedded,
    },
    system::system,
    web,
};

/// Which of the two services.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Service {
    /// The server: people, memories, OAuth
    Server,
    /// The web client: its own accounts and connections
    Web,
}

/// `picard migrate`.
#[derive(Args)]
pub(crate) struct Migrate {
    /// Whose database [default: the server's; with --from or --to: both]
    #[arg(long = "of", value_enum)]
    service: Option<Service>,
    /// Copy from this database: sqlite:PATH or postgres://… [default with --to: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// Copy into this empty database, or go on with a copy [default with --from: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The web client's database to copy from, without --of
    #[arg(long, value_name = "URL", conflicts_with = "service")]
    web_from: Option<String>,
    /// The web client's database to copy into, without --of
    #[arg(long, value_name = "URL", conflicts_with = "service")]
    web_to: Option<String>,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    web: web::WebSettings,
    #[command(flatten)]
    logging: Logging,
}

impl Migrate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.logging.start("warn")?;
        let places = [&self.from, &self.to, &self.web_from, &self.web_to];
        if places.iter().any(|place| place.is_some()) {
            self.copy().await
        } else {
            self.bring_up_to_date().await
        }
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn bring_up_to_date(self) -> anyhow::Result<()> {
        let steps = match self.service.unwrap_or(Service::Server) {
            Service::Server => {
                let source = self.web.database.of_server(&self.data_dir)?;
                before_migration(Service::Server, &source.address, &self.data_dir).await?;
                picard_app::migrate(&source)
                    .await
                    .context("the database cannot be migrated")?
            }
            Service::Web => {
                let (config, _) = self.web.config(&self.data_dir, self.web.listen)?;
                before_migration(Service::Web, &config.database.address, &self.data_dir).await?;
                let (clock, entropy) = system();
                let web = Web::open(config, clock, entropy).await?;
                let migrated = web.migrate().await;
                web.close().await;
                migrated.context("the database cannot be migrated")?
            }
        };
        match steps {
            0 => println!("The database is up to date."),
            1 => println!("Brought the database up to date in 1 step."),
            steps => println!("Brought the database up to date in {steps} steps."),
        }
        Ok(())
    }

    /// Copies one database, or those of both services.
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn copy(self) -> anyhow::Result<()> {
        for transfer in self.transfers()? {
            let copied = transfer.run().await.with_context(|| {
                format!(
                    "the {}'s database was not copied",
                    transfer.service.spoken()
                )
            })?;
            println!(
                "Copied the {}'s database, {} in {} tables, to {}; the digests are equal.",
                transfer.service.spoken(),
                in_words(rows(&copied)),
                copied.len(),
                shown(&transfer.to)?,
            );
        }
        println!(
            "The source is as it was, and the keyrings stay where they are: the copy needs the same ones.\n\
             What a service still writes to the source is not in the copy; start it with the new DATABASE_URL."
        );
        Ok(())
    }

    fn transfers(&self) -> anyhow::Result<Vec<Transfer>> {
        let transfer = |service, from: &Option<String>, to: &Option<String>| {
            let or_embedded = |place: &Option<String>| match place {
                Some(url) => Ok(url.clone()),
                None => embedded(service, &self.data_dir),
            };
            anyhow::Ok(Transfer {
                service,
                from: or_embedded(from)?,
                to: or_embedded(to)?,
            })
        };
        if let Some(service) = self.service {
            return Ok(vec![transfer(service, &self.from, &self.to)?]);
        }
        let hint = "a whole installation has two databases: --from and --to are the server's, \
                    --web-from and --web-to the web client's; --of server or --of web copies one";
        if self.web_from.is_none() && self.web_to.is_none() {
            return Err(anyhow::anyhow!(
                "the web client's database would stay behind"
            ))
            .or_hint(hint);
        }
        if self.from.is_none() && self.to.is_none() {
            return Err(anyhow::anyhow!("the server's database would stay behind")).or_hint(hint);
        }
        Ok(vec![
            transfer(Service::Server, &self.from, &self.to)?,
            transfer(Service::Web, &self.web_from, &self.web_to)?,
        ])
    }
}
