//! How the command line speaks of errors: one sentence, and what to do next.

use std::{fmt, process::ExitCode};

use crate::{closed_pipe, logging};

/// An error with advice, kept apart from its sentence.
#[derive(Debug)]
struct Hinted {
    hint: String,
    source: anyhow::Error,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.source)
    }
}

impl std::error::Error for Hinted {}

/// Adds advice to an error.
pub(crate) trait OrHint<T> {
    /// On an error, tells also what to do about it.
    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> OrHint<T> for Result<T, E> {
    fn or_hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| {
            Hinted {
                hint: hint.into(),
                source: error.into(),
            }
            .into()
        })
    }
}

/// Prints the error and its hint to standard error.
#[expect(
    clippy::print_stderr,
    reason = "this is the one place where errors reach the terminal"
)]
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if closed_pipe::is(error) {
        return closed_pipe::exit_code();
    }
    let hint = hint(error);
    if logging::is_json() {
        tracing::error!(hint, "{error:#}");
    } else {
        eprintln!("picard: {error:#}");
        if let Some(hint) = hint {
            eprintln!("  hint: {hint}");
        }
    }
    ExitCode::FAILURE
}

/// Returns the error and its hint in one line.
pub(crate) fn in_words(error: &anyhow::Error) -> String {
    match hint(error) {
        Some(hint) => format!("{error:#}; {hint}"),
        None => format!("{error:#}"),
    }
}

/// Finds the advice nearest to the cause: what a database says of itself helps
/// more than where to look in general.
fn hint(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| {
        if let Some(hinted) = cause.downcast_ref::<Hinted>() {
            return hint(&hinted.source).or(Some(&hinted.hint));
        }
        match cause.downcast_ref::<picard_app::OpenError>() {
            Some(picard_app::OpenError::Database(error)) => error.hint(),
            _ => cause.downcast_ref::<picard_store::Error>()?.hint(),
        }
    })
}
