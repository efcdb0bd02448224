//! `picard migrate`: brings a database to the version that this binary needs.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use picard_web::Web;

use crate::{data_dir::DataDir, logging::Logging, system::system, web};

/// Which of the two services.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// The server: people, memories, OAuth
    Server,
    /// The web client: its own accounts and connections
    Web,
}

/// `picard migrate`.
#[derive(Args)]
pub(crate) struct Migrate {
    /// Whose database
    #[arg(long = "of", value_enum, default_value = "server")]
    service: Service,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    web: web::WebSettings,
    #[command(flatten)]
    logging: Logging,
}

impl Migrate {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.logging.start("warn")?;
        let steps = match self.service {
            Service::Server => {
                let url = self.web.database.url(&self.data_dir)?;
                picard_app::migrate(&url)
                    .await
                    .context("the database cannot be migrated")?
            }
            Service::Web => {
                let (config, _) = self.web.config(&self.data_dir, self.web.listen)?;
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
}
