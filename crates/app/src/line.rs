//! A memory as a line of JSON: what `picard export` writes and `picard import`
//! reads. The fields are named as in the API, so that its answers can be read, too.

use picard_domain::{Instant, Memory, MemoryId, MemoryText, Permission, Plaintext, Span};
use serde::{Deserialize, Serialize};
use serde_json::{Value, error::Category};
use zeroize::Zeroizing;

use crate::Error;

/// How far ahead a clock elsewhere may be, or a bare date, which means its day's end.
const AHEAD: Span = Span::days(1);

/// A memory that a line describes.
pub struct Incoming {
    /// Its name, where it had one.
    pub id: Option<MemoryId>,
    /// What is remembered.
    pub text: MemoryText,
    /// Who may read it; private unless the line says otherwise.
    pub permission: Permission,
    /// From when on it is no longer valid; it may have passed.
    pub expiration_date: Option<Instant>,
    /// When it was first stored, if that is known.
    pub created_at: Option<Instant>,
    /// When it was last changed, if that is known; not before it was stored.
    pub updated_at: Option<Instant>,
}

/// Why a line is no memory. It quotes nothing that may be part of a memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.map(|field| format!("{field} ")).unwrap_or_default())]
pub struct InvalidLine {
    /// The field that is wrong; `None` when it is the line as a whole.
    pub field: Option<&'static str>,
    /// What is wrong with it, to be read after the field's name.
    pub reason: String,
}

impl InvalidLine {
    /// An error of the line as a whole.
    pub fn whole(reason: impl ToString) -> Self {
        Self {
            field: None,
            reason: reason.to_string(),
        }
    }

    fn of(field: &'static str, reason: impl ToString) -> Self {
        Self {
            field: Some(field),
            reason: reason.to_string(),
        }
    }
}

/// All fields that a line may have. What an answer of the API says besides is
/// taken and not needed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: Option<Value>,
    text: Option<Value>,
    permission: Option<Value>,
    expiration_date: Option<Value>,
    created_at: Option<Value>,
    updated_at: Option<Value>,
    #[serde(rename = "user_id")]
    _user_id: Option<Value>,
    #[serde(rename = "expired")]
    _expired: Option<Value>,
    #[serde(rename = "score")]
    _score: Option<Value>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: MemoryId,
    text: &'a str,
    permission: Permission,
    expiration_date: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
}

impl Incoming {
    /// Reads a line; `None` when it is blank.
    pub fn parse(line: &[u8], now: Instant) -> Result<Option<Self>, InvalidLine> {
        // Some editors put a mark at the beginning of a file.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        if line[0] != b'{' {
            return Err(InvalidLine::whole("is not a JSON object"));
        }
        let fields: Fields = serde_json::from_slice(line).map_err(|error| refused(&error))?;
        let text = match fields.text {
            Some(Value::String(text)) => Plaintext::new(text),
            Some(_) => return Err(InvalidLine::of("text", "is not a string")),
            None => return Err(InvalidLine::of("text", "is missing")),
        };
        let text = MemoryText::new(text).map_err(|why| InvalidLine::of("text", why))?;
        let created_at = past("created_at", fields.created_at, now)?;
        let updated_at = past("updated_at", fields.updated_at, now)?;
        if let (Some(created), Some(updated)) = (created_at, updated_at)
            && updated < created
        {
            return Err(InvalidLine::of("updated_at", "is before created_at"));
        }
        Ok(Some(Self {
            id: read("id", fields.id)?,
            text,
            permission: read("permission", fields.permission)?.unwrap_or_default(),
            expiration_date: read("expiration_date", fields.expiration_date)?,
            created_at,
            updated_at,
        }))
    }
}

/// Writes a memory as one line, with its end.
pub fn write_line(memory: &Memory) -> Result<Zeroizing<Vec<u8>>, Error> {
    let line = Line {
        id: memory.id,
        text: memory.text.expose(),
        permission: memory.permission,
        expiration_date: memory.expiration_date,
        created_at: memory.created_at,
        updated_at: memory.updated_at,
    };
    let mut written = Zeroizing::new(serde_json::to_vec(&line).map_err(Error::internal)?);
    written.push(b'\n');
    Ok(written)
}

/// What the reader of JSON says, without what it says of the place: there is one line only.
fn refused(error: &serde_json::Error) -> InvalidLine {
    match error.classify() {
        Category::Data => {
            let said = error.to_string();
            let unknown = said.strip_prefix("unknown field `");
            if unknown.is_some_and(|rest| !begins_with_a_name(rest)) {
                return InvalidLine::whole("has a field that no memory has; one is called text");
            }
            let reason = said.split(" at line ").next().unwrap_or(&said);
            InvalidLine::whole(format!("has an {reason}").replace("an duplicate", "a duplicate"))
        }
        Category::Eof => InvalidLine::whole("ends within the JSON; one memory stands on one line"),
        Category::Syntax | Category::Io => InvalidLine::whole("is not valid JSON"),
    }
}

/// Tells whether an unknown field can be named: where names and values were mixed up, its name
/// is what is remembered.
fn begins_with_a_name(rest: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let name = rest.bytes().take_while(plain).count();
    (1..=32).contains(&name) && rest[name..].starts_with("`, expected one of")
}

fn read<T>(field: &'static str, value: Option<Value>) -> Result<Option<T>, InvalidLine>
where
    T: std::str::FromStr<Err: ToString>,
{
    match value {
        None => Ok(None),
        Some(Value::String(text)) => text
            .parse()
            .map(Some)
            .map_err(|why: T::Err| InvalidLine::of(field, why.to_string())),
        Some(_) => Err(InvalidLine::of(field, "is not a string")),
    }
}

fn past(
    field: &'static str,
    value: Option<Value>,
    now: Instant,
) -> Result<Option<Instant>, InvalidLine> {
    let instant = read(field, value)?;
    match instant {
        Some(instant) if instant > now + AHEAD => Err(InvalidLine::of(field, "is in the future")),
        known => Ok(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    fn error(line: &str) -> String {
        match Incoming::parse(line.as_bytes(), NOW) {
            Ok(_) => panic!("taken: {line}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_text_is_enough_and_blank_lines_say_nothing() {
        let line = Incoming::parse(b"\xef\xbb\xbf{\"text\":\"tea\"}\r\n", NOW);
        let memory = line.expect("taken").expect("a memory");
        assert_eq!(memory.text.expose(), "tea");
        assert_eq!(memory.permission, Permission::Private);
        assert!(memory.id.is_none() && memory.created_at.is_none());
        assert!(Incoming::parse(b" \r\n", NOW).expect("taken").is_none());
    }

    #[test]
    fn what_the_api_answers_is_taken() {
        let line = br#"{"id":"00000000-0000-7000-8000-000000000001",
            "user_id":"00000000-0000-4000-8000-000000000002","text":"tea","permission":"public",
            "expiration_date":null,"expired":false,"score":0.5,
            "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"}"#;
        let memory = Incoming::parse(line, NOW)
            .expect("taken")
            .expect("a memory");
        assert_eq!(memory.permission, Permission::Public);
        assert!(memory.id.is_some() && memory.updated_at > memory.created_at);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field_and_without_the_text() {
        for (line, said) in [
            (r#""my secret""#, "is not a JSON object"),
            (
                r#"{"text":"my secret"#,
                "ends within the JSON; one memory stands on one line",
            ),
            (r#"{"text":my secret}"#, "is not valid JSON"),
            ("{}", "text is missing"),
            (r#"{"text":["my secret"]}"#, "text is not a string"),
            (
                r#"{"text":" "}"#,
                "text is empty; write at least one character",
            ),
            (
                r#"{"text":"my secret","permission":"secret"}"#,
                "permission is neither \"private\" nor \"public\"",
            ),
            (
                r#"{"text":"my secret","created_at":"2999-01-01"}"#,
                "created_at is in the future",
            ),
            (
                r#"{"text":"t","created_at":"2026-01-02","updated_at":"2026-01-01"}"#,
                "updated_at is before created_at",
            ),
            (r#"{"text":"a","text":"b"}"#, "has a duplicate field `text`"),
        ] {
            assert_eq!(error(line), said, "{line}");
        }
        assert!(error(r#"{"text":"t","id":"x"}"#).starts_with("id "));
        assert!(error(r#"{"text":"t","expiration_date":"soon"}"#).starts_with("expiration_date "));
        let typo = error(r#"{"text":"t","expires":"2027-01-01"}"#);
        assert!(typo.starts_with("has an unknown field `expires`"), "{typo}");
        for mixed_up in [
            r#"{"My secret of Tuesday":1}"#,
            r#"{"secret`, expected":1,"text":"t"}"#,
            r#"{"":1}"#,
            r#"{"thesecretthatismuchtoolongforthenameofafield":1}"#,
        ] {
            let said = "has a field that no memory has; one is called text";
            assert_eq!(error(mixed_up), said, "{mixed_up}");
        }
    }
}
