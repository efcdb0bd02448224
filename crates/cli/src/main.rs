//! The `picard` binary: one file per command.
//!
//! Only here are the environment, the wall clock and the operating system's
//! randomness read; everything below takes them as parameters.

#![expect(
    clippy::doc_markdown,
    reason = "the comments on settings are help texts"
)]

mod administer;
mod audit;
mod backup;
mod client;
mod closed_pipe;
mod data_dir;
mod database;
mod doctor;
mod dot_env;
mod eval;
mod export;
mod first_client;
mod health;
mod hint;
mod import;
mod json_lines;
mod key;
mod keys;
mod logging;
mod mcp;
mod metrics;
mod migrate;
mod model;
mod moving;
mod oauth_client;
mod owner;
mod place;
mod restore;
mod secret;
mod secret_command;
mod serve;
mod server;
mod system;
#[cfg(feature = "otel")]
mod traces;
mod up;
mod user;
mod web;
mod web_secrets;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, builder::Resettable};

/// Memory that a person owns and every AI assistant can use, by permission.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  picard up\n\nEvery command has an example in its own --help."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server and the web client together, on an embedded database
    #[command(after_help = "Example:\n  picard up --data-dir ./data")]
    Up(up::Up),
    /// Run the server alone: OAuth, the tools, accounts
    #[command(
        after_help = "Example:\n  DATABASE_URL=postgres://picard@db/picard picard server --listen 0.0.0.0:8001 --public-url https://memory.example.org"
    )]
    Server(server::ServerCommand),
    /// Run the web client alone, against a server elsewhere
    #[command(after_help = "Example:\n  MCP_SERVER_URL=http://localhost:8001 picard web")]
    Web(web::WebCommand),
    /// Speak MCP over standard input and output, for an assistant on this machine
    #[command(after_help = "Example:\n  claude mcp add picard -- picard mcp")]
    Mcp(mcp::Mcp),
    /// Bring a database to the version that this binary needs, or copy databases from SQLite to PostgreSQL and back
    #[command(
        after_help = "Example:\n  picard migrate --of server --data-dir ./data\n  picard migrate --to postgres://picard@db/picard --web-to postgres://picard@db/picard_web\n  picard migrate --of server --from postgres://picard@db/picard --to sqlite:./picard.db\n\nA copy that was stopped goes on with the same command; docs/backup.md says more."
    )]
    Migrate(Box<migrate::Migrate>),
    /// Copy the databases while the services run, into a folder that `picard restore` verifies
    #[command(after_help = "Example:\n  picard backup --to /backups/picard-2026-01-31")]
    Backup(Box<backup::Backup>),
    /// Put a backup in the place of what is there, after verifying it
    #[command(
        after_help = "Example:\n  picard restore --from /backups/picard-2026-01-31 --check\n  picard restore --from /backups/picard-2026-01-31 --force"
    )]
    Restore(Box<restore::Restore>),
    /// Manage accounts
    #[command(
        subcommand,
        after_help = "Example:\n  picard user add jean-luc --admin"
    )]
    User(user::User),
    /// Manage OAuth clients
    #[command(
        subcommand,
        after_help = "Example:\n  ADMIN_USERNAME=admin ADMIN_PASSWORD=… picard client register"
    )]
    Client(client::Client),
    /// Write one person's memories as JSON Lines, in plain text
    #[command(after_help = "Example:\n  picard export --user jean-luc --output memories.jsonl")]
    Export(export::Export),
    /// Bring memories in from JSON Lines, each of them once however often this is done
    #[command(
        after_help = "Example:\n  picard import --user jean-luc memories.jsonl --dry-run\n  jq -cR 'select(length > 0) | {text: .}' sentences.txt | picard import --user jean-luc -"
    )]
    Import(import::Import),
    /// Measure how well memories are found, on a file with questions and what answers them
    #[command(
        after_help = "Example:\n  picard eval --data questions.jsonl\n  picard eval --data locomo.json --keep ./eval --only turns,facts --compare dense_weight=0.5\n  picard eval --data locomo.json --keep ./eval --tune dense_weight=0.5,0.6,0.7 --json\n\nNothing but the file, the model and a folder of its own is touched; docs/retrieval.md says more."
    )]
    Eval(Box<eval::Eval>),
    /// Show what was done in a person's name, when, and through which application
    #[command(
        after_help = "Example:\n  picard audit --user jean-luc --since 2026-11-01\n  picard audit --user jean-luc --json | jq 'select(.act == \"log-in-failed\")'"
    )]
    Audit(audit::AuditCommand),
    /// Show and replace the master keys that everything is encrypted under
    #[command(subcommand, after_help = "Example:\n  picard key rotate")]
    Key(key::Key),
    /// Ask a service that runs on this machine whether it is ready; for health checks
    #[command(
        after_help = "Example:\n  picard health server\n\nThe exit code is 0 when it is ready, and 1 when it is not or does not answer."
    )]
    Health(health::Health),
    /// Show the effective settings and check each of them
    #[command(after_help = "Example:\n  picard doctor --json")]
    Doctor(doctor::Doctor),
}

fn main() -> ExitCode {
    closed_pipe::watch();
    // An assistant starts `picard mcp` in whatever folder is open in it, and a
    // `.env` there is another project's.
    let elsewhere = std::env::args_os().nth(1).is_some_and(|word| word == "mcp");
    if !elsewhere && let Err(error) = dot_env::load() {
        return hint::report(&error);
    }
    let matches = without_empty_variables(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| {
            let outcome = runtime.block_on(run(cli.command));
            #[cfg(feature = "otel")]
            traces::flush();
            // A thread that still waits for standard input must not hold up the end.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(code) => code,
        Err(error) => hint::report(&error),
    }
}

/// Takes a variable that is set to nothing as not set: that is what compose
/// files and templates of `.env` make of a setting that nobody chose.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        arg.get_env()
            .and_then(std::env::var_os)
            .is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if is_empty(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(up) => up.run().await?,
        Command::Server(server) => Box::pin(server.run()).await?,
        Command::Web(web) => Box::pin(web.run()).await?,
        Command::Mcp(mcp) => mcp.run().await?,
        Command::Migrate(migrate) => migrate.run().await?,
        Command::Backup(backup) => backup.run().await?,
        Command::Restore(restore) => restore.run().await?,
        Command::User(user) => user.run().await?,
        Command::Client(client) => client.run().await?,
        Command::Export(export) => export.run().await?,
        Command::Import(import) => return import.run().await,
        Command::Eval(eval) => Box::pin(eval.run()).await?,
        Command::Audit(audit) => audit.run().await?,
        Command::Key(key) => return key.run().await,
        Command::Health(health) => health.run().await?,
        Command::Doctor(doctor) => return doctor.run().await,
    }
    Ok(ExitCode::SUCCESS)
}
