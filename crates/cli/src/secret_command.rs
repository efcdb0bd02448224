//! Secrets that a command prints: of a key management service, a vault, a
//! password manager.
//!
//! The command is taken apart into words as a shell does it, with quotes and
//! backslashes, and started without a shell: the image of a container may have
//! none, and a setting means the same wherever it is read. What only a shell
//! would understand is refused instead of being passed on as it stands; who
//! wants one says `sh -c '…'`.
//!
//! What it prints is never shown. What it says on standard error is, when it fails.

use std::{
    io::{self, IsTerminal as _, Read},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use crate::hint::OrHint as _;

/// How long a command may take. People may have to touch a token meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that a command may print, in bytes.
const LONGEST: usize = 64 * 1024;

/// As much of standard error is kept, in bytes, and shown, in characters.
const KEPT: usize = 4 * 1024;
const SHOWN: usize = 500;

/// A command that prints a secret.
#[derive(Clone)]
pub(crate) struct SecretCommand {
    /// What the setting is called, for messages.
    name: &'static str,
    program: String,
    arguments: Vec<String>,
}

impl SecretCommand {
    /// Takes a command apart.
    pub(crate) fn parse(name: &'static str, text: &str) -> anyhow::Result<Self> {
        let mut words = split(text)
            .map_err(|why| anyhow!("{name}: {why}"))
            .or_hint(
                "no shell runs the command: quote what is meant as it is, or begin with sh -c",
            )?
            .into_iter();
        let program = words.next().with_context(|| format!("{name} is empty"))?;
        Ok(Self {
            name,
            program,
            arguments: words.collect(),
        })
    }

    /// The program's name. The arguments may hold what is nobody's business.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// Runs it and returns what it printed.
    pub(crate) fn run(&self) -> anyhow::Result<Zeroizing<String>> {
        // At a terminal it may ask a person: there only the group in front can, and
        // that is the group that Ctrl-C ends.
        let reach = if io::stdin().is_terminal() {
            Reach::Child
        } else {
            Reach::Group
        };
        self.run_within(PATIENCE, reach)
    }

    fn run_within(&self, patience: Duration, reach: Reach) -> anyhow::Result<Zeroizing<String>> {
        let shown = format!("{}: `{}`", self.name, self.program);
        let end = Instant::now() + patience;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if reach == Reach::Group {
            command.process_group(0);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("{shown} cannot be started"))?;
        let said = Said::listen(child.stderr.take());
        let printed = read_all(child.stdout.take());
        let ended = match printed.recv_timeout(patience) {
            Ok(Ok(bytes)) if bytes.len() > LONGEST => {
                end_now(&mut child, reach);
                bail!("{shown} printed more than {} KiB", LONGEST / 1024);
            }
            Ok(Ok(bytes)) => wait(&mut child, end)?.map(|status| (status, bytes)),
            Ok(Err(error)) => {
                end_now(&mut child, reach);
                return Err(error).with_context(|| format!("what {shown} printed was not read"));
            }
            Err(_) => None,
        };
        let Some((status, bytes)) = ended else {
            end_now(&mut child, reach);
            bail!(
                "{shown} did not end within {} seconds{}",
                patience.as_secs(),
                said.words()
            );
        };
        if !status.success() {
            bail!("{shown} failed ({status}){}", said.words());
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| anyhow!("what {shown} printed is not text"))?
            .trim();
        if text.is_empty() {
            bail!("{shown} printed nothing{}", said.words());
        }
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// What is ended with a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The process that was started.
    Child,
    /// What that one started, too: the parts of a pipe.
    Group,
}

/// Reads what comes, up to one byte more than is allowed, in a thread of its own.
/// The buffer never moves, so that no copy of a secret is left behind.
fn read_all(
    stdout: Option<impl Read + Send + 'static>,
) -> mpsc::Receiver<io::Result<Zeroizing<Vec<u8>>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let read = stdout.map_or(Ok(0), |stdout| {
            stdout.take(LONGEST as u64 + 1).read_to_end(&mut bytes)
        });
        // Nobody waits any more when it took too long.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

/// What a command says on standard error, as far as it has come.
struct Said {
    kept: Arc<Mutex<Vec<u8>>>,
    done: mpsc::Receiver<()>,
}

impl Said {
    fn listen(stderr: Option<impl Read + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sender, done) = mpsc::channel();
        let keep = kept.clone();
        thread::spawn(move || {
            let mut chunk = [0; 1024];
            let mut stderr = stderr;
            while let Some(Ok(read @ 1..)) = stderr.as_mut().map(|stderr| stderr.read(&mut chunk)) {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..read.min(room)]);
            }
            drop(sender);
        });
        Self { kept, done }
    }

    /// Returns it as the end of a sentence.
    fn words(&self) -> String {
        // A program that it left running may hold the pipe open.
        let _ = self.done.recv_timeout(Duration::from_millis(500));
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text: String = String::from_utf8_lossy(&kept)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let words: Vec<_> = text.split_whitespace().collect();
        match words.join(" ") {
            none if none.is_empty() => none,
            some => format!(
                " and said: {}",
                some.chars().take(SHOWN).collect::<String>()
            ),
        }
    }
}

/// Waits for the end; `None` when it does not come in time.
fn wait(child: &mut Child, end: Instant) -> anyhow::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a command that was not waited for yet: so its number is still its own.
fn end_now(child: &mut Child, reach: Reach) {
    // These fail only when it has ended already.
    if reach == Reach::Group {
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Splits a command into words as a shell does.
fn split(text: &str) -> Result<Vec<String>, String> {
    const OPEN: &str = "a quotation mark is not closed";
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    let for_a_shell = |c: char| format!("{c} outside of quotes is for a shell");
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(OPEN)? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(OPEN)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or(OPEN)? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c @ ('$' | '`') => {
                            return Err(format!("{c} in double quotes is for a shell"));
                        }
                        c => word.push(c),
                    }
                }
            }
            '\\' => {
                let next = chars.next().ok_or("a backslash stands at the end")?;
                word.get_or_insert_default().push(next);
            }
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '[' => {
                return Err(for_a_shell(c));
            }
            '~' | '#' if word.is_none() => return Err(for_a_shell(c)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> SecretCommand {
        let command = format!("sh -c '{script}'");
        SecretCommand::parse("PICARD_KEYS_COMMAND", &command).expect("a command")
    }

    fn refused(command: &SecretCommand) -> String {
        let error = command.run().expect_err("it fails");
        format!("{error:#}")
    }

    #[test]
    fn words_and_quotes_are_those_of_a_shell() {
        for (text, words) in [
            ("age -d  keys.age", &["age", "-d", "keys.age"][..]),
            ("  cat\t'a b' ", &["cat", "a b"]),
            (r#"cat "a 'b' \"c\" \x""#, &["cat", r#"a 'b' "c" \x"#]),
            (r"cat a\ b\'c", &["cat", "a b'c"]),
            ("sh -c 'a | b $C *'", &["sh", "-c", "a | b $C *"]),
            ("printf ''", &["printf", ""]),
            ("get --field=a'b'c#d~", &["get", "--field=abc#d~"]),
            ("käse 'öl'", &["käse", "öl"]),
            ("", &[]),
        ] {
            assert_eq!(split(text).expect(text), words, "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_understands_is_refused() {
        for text in [
            "a | b",
            "a && b",
            "a; b",
            "a >b",
            "a <b",
            "a $B",
            "a \"$B\"",
            "a `b`",
            "a \"`b`\"",
            "a *",
            "a ?",
            "a [b]",
            "a ~/b",
            "a #b",
            "(a)",
            "a 'b",
            "a \"b",
            "a \\",
        ] {
            assert!(split(text).is_err(), "{text}");
        }
        let refused = SecretCommand::parse("SECRET_KEY_COMMAND", "cat $HOME/key");
        let error = refused.err().expect("it is refused").to_string();
        assert!(error.starts_with("SECRET_KEY_COMMAND: $"), "{error}");
    }

    #[test]
    fn what_it_prints_is_the_secret_whatever_it_says() {
        let command = sh("echo note >&2; echo the secret");
        let secret = command.run().expect("it succeeds");
        assert_eq!(&**secret, "the secret");
    }

    #[test]
    fn a_failure_shows_what_was_said_and_never_what_was_printed() {
        for script in [
            "echo secret; echo no such identity >&2; exit 3",
            "echo secret; echo no such identity >&2; kill -9 $$",
        ] {
            let error = refused(&sh(script));
            assert!(error.contains("no such identity"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let error = refused(&sh("printf \"a\\033[31m\\nb\" >&2"));
        assert!(
            error.ends_with("printed nothing and said: a [31m b"),
            "{error:?}"
        );
    }

    #[test]
    fn a_flood_bytes_that_are_no_text_and_an_absent_program_are_told() {
        let flood = sh("while :; do echo secretsecretsecret; done");
        assert!(refused(&flood).contains("more than 64 KiB"));
        let no_text = sh("printf \"\\377\\376\"");
        assert!(refused(&no_text).contains("is not text"));
        let absent = SecretCommand::parse("PICARD_KEYS_COMMAND", "picard-no-such-program");
        let error = refused(&absent.expect("a command"));
        assert!(error.contains("cannot be started"), "{error}");
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        for script in [
            "echo waiting for a token >&2; exec sleep 600",
            "echo waiting for a token >&2; exec >&-; exec sleep 600",
        ] {
            let error = sh(script).run_within(Duration::from_secs(4), Reach::Group);
            let error = error.expect_err("it takes too long").to_string();
            assert!(error.contains("did not end within 4 seconds"), "{error}");
            assert!(error.contains("waiting for a token"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_ended_with_all_its_parts() {
        use std::os::fd::AsRawFd as _;
        let (mut open, held) = io::pipe().expect("a pipe");
        // The last part holds the pipe open as long as it lives.
        let (process, held_as) = (std::process::id(), held.as_raw_fd());
        let script = format!("{{ sleep 20; echo late; }} | cat >/proc/{process}/fd/{held_as}");
        let error = sh(&script).run_within(Duration::from_millis(500), Reach::Group);
        assert!(error.is_err());
        drop(held);
        let mut rest = Vec::new();
        open.read_to_end(&mut rest)
            .expect("nobody holds it any more");
        assert!(rest.is_empty(), "the parts went on");
    }
}
