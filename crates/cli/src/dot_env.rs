//! The `.env` in the current folder. What the environment says already wins.

use std::{fs, io};

use anyhow::Context as _;

/// Reads `.env`; that there is none is the normal case.
pub(crate) fn load() -> anyhow::Result<()> {
    let text = match fs::read_to_string(".env") {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("the file .env cannot be read"),
    };
    dotenvy::from_read(quoted(&text).as_bytes()).context("the file .env cannot be understood")
}

/// Puts quotes around values with spaces. The reference prints
/// `OAUTH_SCOPES=memories:read memories:write`, which other readers of such
/// files take as it is and `dotenvy` refuses.
fn quoted(text: &str) -> String {
    text.lines().map(quoted_line).collect::<Vec<_>>().join("\n")
}

fn quoted_line(line: &str) -> String {
    let Some((name, value)) = line.split_once('=') else {
        return line.to_owned();
    };
    let value = value.split(" #").next().unwrap_or_default().trim();
    let plain = !value.starts_with(['"', '\'']) && !line.trim_start().starts_with('#');
    if plain && value.contains(char::is_whitespace) && !value.contains('\'') {
        format!("{name}='{value}'")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_spaces_are_taken_to_the_end_of_the_line() {
        assert_eq!(quoted("A=b c # why\nB=d\n# C=e f"), "A='b c'\nB=d\n# C=e f");
        assert_eq!(
            quoted("A=\"b c\"\nexport D=e f"),
            "A=\"b c\"\nexport D='e f'"
        );
    }
}
