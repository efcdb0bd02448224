//! `picard user`: accounts of either service.

mod account;
mod people;
mod web;

use clap::Subcommand;

use self::{
    account::{Add, Password},
    people::{Delete, List, Right, Whom},
};

/// `picard user`.
#[derive(Subcommand)]
pub(crate) enum User {
    /// Make an account
    #[command(
        after_help = "Example:\n  picard user add jean-luc --admin\n  echo \"$PASSWORD\" | picard user add jean-luc --of web --password-stdin"
    )]
    Add(Box<Add>),
    /// List the accounts by name, never what is in them
    #[command(
        after_help = "Example:\n  picard user list --prefix je\n  picard user list --json | jq -r '.[] | select(.admin) | .handle'"
    )]
    List(Box<List>),
    /// Show one account: its state, sessions and applications, never a memory
    #[command(after_help = "Example:\n  picard user show jean-luc --json")]
    Show(Box<Whom>),
    /// Lock an account: nobody can log in, and no application can use it; memories stay
    #[command(after_help = "Example:\n  picard user disable jean-luc")]
    Disable(Box<Whom>),
    /// Unlock an account, with everything as it was
    #[command(after_help = "Example:\n  picard user enable jean-luc")]
    Enable(Box<Whom>),
    /// Delete an account with everything in it
    #[command(
        after_help = "Example:\n  picard user delete jean-luc\n  picard user delete jean-luc --yes"
    )]
    Delete(Box<Delete>),
    /// Give or take the right to administer the server (in the web client: of a superuser)
    #[command(
        subcommand,
        after_help = "Example:\n  picard user admin grant jean-luc\n  picard user admin revoke jean-luc"
    )]
    Admin(Right),
    /// Give an account of the server a new password; log-ins and connected applications end
    #[command(
        after_help = "Example:\n  picard user password jean-luc\n  echo \"$PASSWORD\" | picard user password jean-luc --password-stdin"
    )]
    Password(Box<Password>),
}

impl User {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run().await,
            Self::List(list) => list.run().await,
            Self::Show(whom) => whom.show().await,
            Self::Disable(whom) => whom.disable().await,
            Self::Enable(whom) => whom.enable().await,
            Self::Delete(delete) => delete.run().await,
            Self::Admin(right) => right.run().await,
            Self::Password(password) => password.run().await,
        }
    }
}
