//! Texts and password hashes move both ways between this crate and Python's
//! `cryptography`, the implementation that the system's first client was built on.
//!
//! `PICARD_TEST_PYTHON` names the interpreter (default `python3`).

mod common;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use common::Seeded;
use picard_crypto::{DataKey, hash_password, verify_password};

const TEXTS: [&str; 5] = [
    "",
    "hello",
    "Tee, Earl Grey, heiß",
    "茶、アールグレイ、熱いの",
    "🫖\n\t\\",
];

/// Runs a Python script on the lines, and returns the lines it printed.
#[expect(
    clippy::disallowed_methods,
    reason = "the interpreter is chosen by who runs the tests"
)]
fn python(script: &str, lines: &[&str]) -> Vec<String> {
    let python = std::env::var("PICARD_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut child = Command::new(&python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|cause| panic!("cannot run {python} ({cause}); set PICARD_TEST_PYTHON"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin
        .write_all(lines.join("\n").as_bytes())
        .expect("python reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("python ends");
    assert!(
        output.status.success(),
        "{python} failed; this test needs an interpreter with the package `cryptography` \
         (pip install cryptography>=44), named by PICARD_TEST_PYTHON:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout).expect("python printed UTF-8");
    printed.lines().map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes everything");
        hex
    })
}

#[test]
fn python_reads_our_fernet_texts() {
    let key = DataKey::generate(&Seeded::new(1));
    let fernet_key = key.to_fernet_key();
    let tokens = TEXTS.map(|text| key.fernet_encrypt(text));
    let lines: Vec<_> = std::iter::once(fernet_key.as_str())
        .chain(tokens.iter().map(String::as_str))
        .collect();
    let script = "
import sys
from cryptography.fernet import Fernet
key, *tokens = sys.stdin.read().split('\\n')
for token in tokens: print(Fernet(key).decrypt(token).hex())
";
    assert_eq!(
        python(script, &lines),
        TEXTS.map(|text| hex(text.as_bytes()))
    );
}

#[test]
fn we_read_the_fernet_texts_of_python() {
    let key = DataKey::generate(&Seeded::new(2));
    let hexes = TEXTS.map(|text| hex(text.as_bytes()));
    let fernet_key = key.to_fernet_key();
    let lines: Vec<_> = std::iter::once(fernet_key.as_str())
        .chain(hexes.iter().map(String::as_str))
        .collect();
    let script = "
import sys
from cryptography.fernet import Fernet
key, *texts = sys.stdin.read().split('\\n')
for text in texts: print(Fernet(key).encrypt(bytes.fromhex(text)).decode())
";
    let tokens = python(script, &lines);
    assert_eq!(tokens.len(), TEXTS.len());
    for (token, text) in tokens.iter().zip(TEXTS) {
        assert_eq!(
            key.fernet_decrypt(token)
                .expect("a token of python")
                .expose(),
            text
        );
    }
}

#[test]
fn password_hashes_verify_both_ways() {
    let ours = hash_password("Engage!", &Seeded::new(3));
    let script = "
import sys
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
ours = sys.stdin.read()
Argon2id.verify_phc_encoded(b'Engage!', ours)
kdf = Argon2id(salt=b'0123456789abcdef', length=32, iterations=3, lanes=2, memory_cost=8192)
print(kdf.derive_phc_encoded(b'Engage!'))
";
    let theirs = python(script, &[&ours]).remove(0);
    assert!(verify_password("Engage!", &theirs), "{theirs}");
    assert!(!verify_password("Engage", &theirs), "{theirs}");
}
