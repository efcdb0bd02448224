//! Reads `compose.yaml` and `.env` as far as ours go: services, what their
//! environment says, ports, and `${NAME:-default}`. No YAML in general; a line
//! that it does not understand is left out.

use std::{collections::BTreeMap, fs, path::PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A service as the file describes it, before anything is put in.
#[derive(Debug, Default)]
pub struct Service {
    /// Its environment; values may have `${…}` in them.
    pub environment: BTreeMap<String, String>,
    /// The ports that it publishes, as written.
    pub ports: Vec<String>,
    /// Every line about it, without what is before and after.
    pub lines: Vec<String>,
}

/// Returns the services of `compose.yaml` by their names.
pub fn services() -> BTreeMap<String, Service> {
    let text = fs::read_to_string(root().join("compose.yaml")).expect("compose.yaml");
    let mut services = BTreeMap::<String, Service>::new();
    let (mut name, mut part) = (String::new(), String::new());
    let within = text.lines().skip_while(|line| *line != "services:").skip(1);
    for line in within.take_while(|line| line.starts_with(' ') || line.is_empty()) {
        let indent = line.len() - line.trim_start().len();
        let said = line.trim();
        match indent {
            2 => said.trim_end_matches(':').clone_into(&mut name),
            4 => said
                .split(':')
                .next()
                .unwrap_or_default()
                .clone_into(&mut part),
            _ => {}
        }
        let service = services.entry(name.clone()).or_default();
        service.lines.push(said.to_owned());
        if indent == 6 && part == "environment" {
            let (variable, value) = said.split_once(": ").expect("NAME: value");
            let value = value.trim_matches('"').to_owned();
            service.environment.insert(variable.to_owned(), value);
        }
        if indent == 6 && part == "ports" {
            let port = said.trim_start_matches("- ").trim_matches('"');
            service.ports.push(port.to_owned());
        }
    }
    services.remove("");
    services
}

/// Returns the variables of a `.env`, the ones behind a `#` too when they are examples.
pub fn variables(dot_env: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.trim_start_matches('#').split_once('=')?;
        let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
        let known = !name.is_empty() && name.chars().all(is_name);
        known.then(|| (name.to_owned(), value.to_owned()))
    };
    dot_env.lines().filter_map(pair).collect()
}

/// Returns the names that a value asks for.
pub fn asked_for(value: &str) -> Vec<&str> {
    let starts = value.split("${").skip(1);
    let end = |text: &str| text.find([':', '}']).unwrap_or(text.len());
    starts.map(|text| &text[..end(text)]).collect()
}

/// Puts variables into a value as compose does.
///
/// # Panics
/// When one that has to be there (`:?`) is not.
pub fn interpolated(value: &str, variables: &BTreeMap<String, String>) -> String {
    let Some((before, rest)) = value.split_once("${") else {
        return value.to_owned();
    };
    let (inner, after) = rest.split_once('}').expect("a closing brace");
    let (name, otherwise) = inner.split_once(':').unwrap_or((inner, "-"));
    let set = variables.get(name).filter(|value| !value.is_empty());
    let said = match (set, otherwise.strip_prefix('-')) {
        (Some(value), _) => value,
        (None, Some(default)) => default,
        (None, None) => panic!("{name} has to be set: {otherwise}"),
    };
    format!("{before}{said}{}", interpolated(after, variables))
}
