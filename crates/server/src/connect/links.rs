//! Links that open a program with the server filled in. The program asks
//! before it adds anything.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use url::form_urlencoded;

/// `cursor://`: name, and the entry of `mcp.json` in base64.
pub(super) fn cursor(url: &str) -> String {
    let entry = STANDARD.encode(json!({"url": url}).to_string());
    let query = query(&[("name", "picard"), ("config", &entry)]);
    format!("cursor://anysphere.cursor-deeplink/mcp/install?{query}")
}

/// `vscode:`: what `code --add-mcp` takes, percent-encoded as a whole.
pub(super) fn vs_code(url: &str) -> String {
    let entry = json!({"name": "picard", "type": "http", "url": url}).to_string();
    // A form without a name is the value alone; spaces must not become `+` here.
    let entry: String = form_urlencoded::byte_serialize(entry.as_bytes()).collect();
    format!("vscode:mcp/install?{}", entry.replace('+', "%20"))
}

/// `goose://`: every setting of the extension as a parameter.
pub(super) fn goose(url: &str) -> String {
    let query = query(&[
        ("url", url),
        ("type", "streamable_http"),
        ("id", "picard"),
        ("name", "Picard"),
        ("description", "Your memories"),
    ]);
    format!("goose://extension?{query}")
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs).finish().replace('+', "%20")
}
