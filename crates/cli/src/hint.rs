//! How the command line speaks of errors: one sentence, and what to do next.

use std::{fmt, process::ExitCode};

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
    eprintln!("picard: {error:#}");
    if let Some(hinted) = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Hinted>())
    {
        eprintln!("  hint: {}", hinted.hint);
    }
    ExitCode::FAILURE
}
