//! What must hold of every input that strangers send, whatever its bytes are.
//!
//! Each property takes bytes, gives them to one of Picard's parsers and panics
//! when an answer breaks a rule. The answers are held against another reading
//! of the same bytes wherever there is one (the `url` crate's, a naive split).
//! The fuzzer calls them (`fuzz/`), and so does the ordinary suite with made up
//! texts and with the seeds of the fuzzer (`tests/`), because it has no nightly
//! compiler.

mod documents;
mod headers;
mod language;
mod messages;
mod queries;
mod redirect;
mod requests;

/// Something that holds of all bytes; a panic is a finding.
pub type Property = fn(&[u8]);

/// The properties by the names of their fuzz targets and seeds.
pub const ALL: [(&str, Property); 8] = [
    ("cimd_document", documents::document),
    ("redirect", redirect::matching),
    ("authorization_header", headers::authorization),
    ("authorization_query", queries::authorization),
    ("callback_query", queries::callback),
    ("mcp_message", messages::json_rpc),
    ("query_language", language::query),
    ("token_form", requests::token),
];

/// Returns the property of that name.
///
/// # Panics
/// When there is none.
pub fn named(name: &str) -> Property {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("no property is named {name}"))
        .1
}

/// Splits bytes at the first line feed into two texts; `None` when one is not UTF-8.
fn two_lines(bytes: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.split_once('\n').unwrap_or((text, "")))
}
