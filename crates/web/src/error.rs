//! What can go wrong in the web client. `pages::failure` turns it into pages.

use picard_client::CallbackError;
use picard_domain::Scope;

use crate::InvalidConfig;

/// Why the web client could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// Its database failed.
    #[error("the web client's database")]
    Database(#[from] picard_sql::Error),
    /// A call of the server failed.
    #[error("the server")]
    Server(#[from] picard_client::Error),
    /// The page needs a connection with the server, and there is none.
    #[error("not connected with the server")]
    NotConnected,
    /// The connection was lost: the server no longer accepts its tokens.
    #[error("the connection with the server was lost")]
    ConnectionLost,
    /// The granted scopes do not cover the page.
    #[error("{0} was not granted")]
    NotGranted(Scope),
    /// The way back from the consent page is not followed.
    #[error("connecting failed: {0}")]
    Callback(#[from] CallbackError),
    /// There is nothing here, or not for this person.
    #[error("not found")]
    NotFound,
    /// A username that is taken.
    #[error("the username is taken")]
    UsernameTaken,
    /// A name or password that is refused.
    #[error("{field} {message}")]
    Refused {
        /// The field of the form.
        field: &'static str,
        /// The end of a sentence that starts with it.
        message: String,
    },
    /// Too many failed log-ins.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How many seconds to wait.
        retry_after: u64,
    },
    /// The service is shutting down.
    #[error("shutting down")]
    Closing,
}

impl Error {
    pub(crate) fn refused(field: &'static str, message: impl ToString) -> Self {
        Self::Refused {
            field,
            message: message.to_string(),
        }
    }

    /// The whole chain of causes, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
