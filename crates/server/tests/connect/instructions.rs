//! What is copied must be what it says it is, for every address.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use picard_server::connect::{Assistant, Format, Snippet, assistants};
use serde_json::{Value, json};
use url::Url;

const ADDRESSES: [&str; 3] = [
    "http://localhost:8001/mcp",
    "http://[::1]:8001/mcp",
    "https://memory.example.org/it's-\"$HOME`\\/mcp",
];

fn snippets(assistant: &Assistant) -> impl Iterator<Item = &Snippet> {
    let steps = assistant.steps.iter().chain(&assistant.stdio);
    steps.filter_map(|step| step.snippet.as_ref())
}

/// Every string in a document.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_claims_to_be_json_or_toml_can_be_read_and_has_the_address_or_the_command() {
    for url in ADDRESSES {
        for assistant in assistants(url) {
            for snippet in snippets(&assistant) {
                let document: Value = match snippet.format {
                    Format::Json => serde_json::from_str(&snippet.text).expect("JSON"),
                    Format::Toml => toml::from_str(&snippet.text).expect("TOML"),
                    _ => continue,
                };
                let told = strings(&document);
                let (remote, local) = (told.contains(&url), told.contains(&"picard"));
                assert!(remote != local, "{}: {}", assistant.id, snippet.text);
            }
        }
    }
}

#[test]
fn a_shell_hands_the_address_on_as_it_is() {
    for url in ADDRESSES {
        for assistant in assistants(url) {
            for snippet in snippets(&assistant).filter(|s| s.format == Format::Shell) {
                // The program is replaced by one that shows each word it was given.
                let (_, arguments) = snippet.text.split_once(' ').expect("a command");
                let script = format!("printf '%s\\n' {arguments}");
                let output = std::process::Command::new("sh")
                    .args(["-c", &script])
                    .output()
                    .expect("a shell");
                let words = String::from_utf8(output.stdout).expect("UTF-8");
                let has = words.lines().any(|word| {
                    word == url
                        || serde_json::from_str::<Value>(word)
                            .is_ok_and(|json| strings(&json).contains(&url))
                });
                let names_it = snippet.text.contains("http");
                assert_eq!(has, names_it, "{}: {words}", snippet.text);
            }
        }
    }
}

#[test]
fn every_assistant_can_be_connected_in_one_of_the_ways() {
    let all = assistants(ADDRESSES[0]);
    let ids: Vec<_> = all.iter().map(|assistant| assistant.id).collect();
    assert_eq!(
        ids,
        [
            "claude",
            "claude-code",
            "chatgpt",
            "cursor",
            "vs-code",
            "goose",
            "codex",
            "stdio"
        ]
    );
    for assistant in &all {
        assert!(snippets(assistant).next().is_some(), "{}", assistant.id);
    }
}

#[test]
fn links_carry_the_address() {
    for url in ADDRESSES {
        let all = assistants(url);
        let link = |id: &str| {
            let assistant = all.iter().find(|assistant| assistant.id == id).expect(id);
            let mut links = assistant.steps.iter().filter_map(|step| step.link.as_ref());
            let (_, href) = links.next().expect("a link");
            Url::parse(href).expect("a URL")
        };
        let of = |link: &Url, name: &str| {
            let mut pairs = link.query_pairs();
            let found = pairs.find(|(key, _)| key == name);
            found.expect("a parameter").1.into_owned()
        };

        let cursor = link("cursor");
        assert!(
            cursor
                .as_str()
                .starts_with("cursor://anysphere.cursor-deeplink/mcp/install?")
        );
        let entry = STANDARD.decode(of(&cursor, "config")).expect("base64");
        let entry: Value = serde_json::from_slice(&entry).expect("JSON");
        assert_eq!(entry, json!({"url": url}));

        let code = link("vs-code");
        assert_eq!((code.scheme(), code.path()), ("vscode", "mcp/install"));
        let query = code.query().expect("an entry");
        let entry = url::form_urlencoded::parse(query.as_bytes())
            .next()
            .expect("an entry")
            .0;
        let entry: Value = serde_json::from_str(&entry).expect("JSON");
        assert_eq!(entry, json!({"name": "picard", "type": "http", "url": url}));

        let goose = link("goose");
        assert_eq!(of(&goose, "url"), url);
        assert_eq!(of(&goose, "type"), "streamable_http");
    }
}
