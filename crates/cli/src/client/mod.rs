//! `picard client`: the OAuth clients that a server knows.

mod known;
mod register;

use clap::Subcommand;

use self::{
    known::{Delete, List, Show},
    register::Register,
};

/// `picard client`.
#[derive(Subcommand)]
pub(crate) enum Client {
    /// List the applications that a server knows, the last registered first
    #[command(
        after_help = "Example:\n  picard client list --kind operator\n  picard client list --json | jq -r '.[].client_id'"
    )]
    List(List),
    /// Show one application
    #[command(after_help = "Example:\n  picard client show 550e8400-e29b-41d4-a716-446655440000")]
    Show(Show),
    /// Register an OAuth client at a running server, as its administrator
    #[command(
        after_help = "Example:\n  ADMIN_USERNAME=admin ADMIN_PASSWORD=… picard client register\n\nOAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI and OAUTH_SCOPES say what to register;\nregistering the same client again changes it."
    )]
    Register(Box<Register>),
    /// Forget an application: everything that people granted it ends at once
    #[command(
        after_help = "Example:\n  picard client delete 550e8400-e29b-41d4-a716-446655440000 --yes"
    )]
    Delete(Delete),
}

impl Client {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Register(register) => register.run().await,
            Self::Delete(delete) => delete.run().await,
        }
    }
}
