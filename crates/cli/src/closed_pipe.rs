//! What becomes of output that nobody reads any more, as in `picard audit | head`.

use std::{
    any::Any,
    io,
    process::{self, ExitCode},
};

/// What a shell gives for a program that a closed pipe ended: 128 + SIGPIPE.
const ENDED_BY_PIPE: u8 = 141;

/// Ends the process without a word if the panic is that of `println!` into a pipe
/// whose reader left; Rust has no other way to tell of it.
pub(crate) fn leave_quietly(panic: &(dyn Any + Send)) {
    let words = panic.downcast_ref::<String>();
    if words.is_some_and(|words| is_closed_pipe(words)) {
        process::exit(ENDED_BY_PIPE.into());
    }
}

fn is_closed_pipe(words: &str) -> bool {
    words.starts_with("failed printing to stdout") && words.contains("Broken pipe")
}

/// Tells whether an error is that of writing to such a pipe. One of a connection comes
/// with the words of what it was for around it.
pub(crate) fn is(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What a program ends with that a closed pipe ended.
pub(crate) fn exit_code() -> ExitCode {
    ExitCode::from(ENDED_BY_PIPE)
}

/// Sees to it for commands that keep no log.
pub(crate) fn watch() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        leave_quietly(panic.payload());
        others(panic);
    }));
}
