//! What to do in each assistant, as its own documentation has it.
//!
//! Every text to copy is made for an address. Addresses end up in JSON, TOML,
//! YAML and shells, so each is written the way its file wants it.

use super::links;

/// From where an assistant calls the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// From its maker's computers: it needs a public https address.
    Internet,
    /// From the computer it runs on: `localhost` will do.
    Here,
    /// Not at all: it starts `picard mcp` itself.
    Stdio,
}

/// One assistant and the ways to connect it.
#[derive(Debug, Clone)]
pub struct Assistant {
    /// Its name in links to a section.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// From where it calls.
    pub reach: Reach,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// How it starts Picard by itself, where it can.
    pub stdio: Vec<Step>,
}

/// Something to do, and what to copy for it.
#[derive(Debug, Clone)]
pub struct Step {
    /// One or two sentences of plain text.
    pub words: &'static str,
    /// What to copy.
    pub snippet: Option<Snippet>,
    /// Something to press instead: words and address.
    pub link: Option<(&'static str, String)>,
}

/// A text to copy.
#[derive(Debug, Clone)]
pub struct Snippet {
    /// The file that it belongs into.
    pub file: Option<&'static str>,
    /// What it is written in.
    pub format: Format,
    /// The text, without a newline at its end.
    pub text: String,
}

/// What a [`Snippet`] is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An address alone.
    Address,
    /// A command for a POSIX shell.
    Shell,
    /// A whole JSON document.
    Json,
    /// A table of a TOML file.
    Toml,
    /// A part of a YAML file.
    Yaml,
}

impl Format {
    /// Returns the name that Markdown knows it by.
    pub const fn in_markdown(self) -> &'static str {
        match self {
            Self::Address => "text",
            Self::Shell => "sh",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Yaml => "yaml",
        }
    }
}

/// Returns what to do in every assistant for the server whose MCP address is `url`.
pub fn assistants(url: &str) -> Vec<Assistant> {
    vec![
        claude(url),
        claude_code(url),
        chatgpt(url),
        cursor(url),
        vs_code(url),
        goose(url),
        codex(url),
        stdio(),
    ]
}

fn claude(url: &str) -> Assistant {
    Assistant {
        id: "claude",
        name: "Claude",
        reach: Reach::Internet,
        steps: vec![
            Step::new(
                "On the web or in the desktop app, open Settings, then Connectors, choose Add \
                 custom connector and paste this address. In an organisation, an owner adds it \
                 first.",
            )
            .address(url),
            Step::new(
                "Press Connect. The browser opens Picard, where you log in and say what Claude may do.",
            ),
        ],
        stdio: vec![
            Step::new(
                "In the desktop app, open Settings, then Developer, and choose Edit Config. Put \
                 this into the file and start the app again.",
            )
            .file("claude_desktop_config.json", Format::Json, MCP_SERVERS),
        ],
    }
}

fn claude_code(url: &str) -> Assistant {
    let entry = r#"{
  "mcpServers": {
    "picard": {
      "type": "http",
      "url": "URL"
    }
  }
}"#;
    Assistant {
        id: "claude-code",
        name: "Claude Code",
        reach: Reach::Here,
        steps: vec![
            Step::new("Run this in a terminal.").shell(&format!(
                "claude mcp add --transport http --scope user picard {}",
                in_shell(url)
            )),
            Step::new("In a session, type /mcp, choose picard and log in."),
            Step::new(
                "Or share it with everybody who works on a project, in the project's folder.",
            )
            .file(".mcp.json", Format::Json, &with(entry, url)),
        ],
        stdio: vec![
            Step::new("Run this in a terminal.")
                .shell("claude mcp add --transport stdio --scope user picard -- picard mcp"),
        ],
    }
}

fn chatgpt(url: &str) -> Assistant {
    Assistant {
        id: "chatgpt",
        name: "ChatGPT",
        reach: Reach::Internet,
        steps: vec![
            Step::new(
                "On the web, open Settings, then Apps, then Advanced settings, and turn on \
                 Developer mode. In a workspace, an administrator allows it first.",
            ),
            Step::new(
                "Choose Create app, give it a name, choose OAuth, and paste this address as the \
                 MCP server URL. The browser opens Picard, where you log in and say what \
                 ChatGPT may do.",
            )
            .address(url),
            Step::new("In a chat, choose it under + in the message box."),
        ],
        stdio: Vec::new(),
    }
}

fn cursor(url: &str) -> Assistant {
    let entry = r#"{
  "mcpServers": {
    "picard": {
      "url": "URL"
    }
  }
}"#;
    Assistant {
        id: "cursor",
        name: "Cursor",
        reach: Reach::Here,
        steps: vec![
            Step::new("Let Cursor add it; it asks first.")
                .link("Add to Cursor", links::cursor(url)),
            Step::new(
                "Or put this into the file of all your projects, or into .cursor/mcp.json of one.",
            )
            .file("~/.cursor/mcp.json", Format::Json, &with(entry, url)),
            Step::new("In the settings for MCP, press Connect beside picard and log in."),
        ],
        stdio: vec![Step::new("Put this into the file instead.").file(
            "~/.cursor/mcp.json",
            Format::Json,
            MCP_SERVERS,
        )],
    }
}

fn vs_code(url: &str) -> Assistant {
    let entry = r#"{
  "servers": {
    "picard": {
      "type": "http",
      "url": "URL"
    }
  }
}"#;
    let local = r#"{
  "servers": {
    "picard": {
      "type": "stdio",
      "command": "picard",
      "args": ["mcp"]
    }
  }
}"#;
    let json = with(r#"{"name":"picard","type":"http","url":"URL"}"#, url);
    Assistant {
        id: "vs-code",
        name: "VS Code",
        reach: Reach::Here,
        steps: vec![
            Step::new("Let VS Code add it; it asks first.")
                .link("Add to VS Code", links::vs_code(url)),
            Step::new("Or run this in a terminal.")
                .shell(&format!("code --add-mcp {}", in_shell(&json))),
            Step::new(
                "Or share it with everybody who works on a project, in the project's folder.",
            )
            .file(".vscode/mcp.json", Format::Json, &with(entry, url)),
            Step::new("Start the server when VS Code offers it, and log in."),
        ],
        stdio: vec![Step::new("Put this into the file instead.").file(
            ".vscode/mcp.json",
            Format::Json,
            local,
        )],
    }
}

fn goose(url: &str) -> Assistant {
    let entry = r#"extensions:
  picard:
    enabled: true
    type: streamable_http
    name: picard
    description: Your memories
    uri: "URL"
    timeout: 300"#;
    let local = r"extensions:
  picard:
    enabled: true
    type: stdio
    name: picard
    description: Your memories
    cmd: picard
    args: [mcp]
    timeout: 300";
    Assistant {
        id: "goose",
        name: "Goose",
        reach: Reach::Here,
        steps: vec![
            Step::new("Let the desktop app add it; it asks first.")
                .link("Add to Goose", links::goose(url)),
            Step::new(
                "Or put this into the file. When Goose starts, it opens the browser to log in.",
            )
            .file(
                "~/.config/goose/config.yaml",
                Format::Yaml,
                &with(entry, url),
            ),
            Step::new("Or for one session in a terminal.").shell(&format!(
                "goose session --with-streamable-http-extension {}",
                in_shell(url)
            )),
        ],
        stdio: vec![Step::new("Put this into the file instead.").file(
            "~/.config/goose/config.yaml",
            Format::Yaml,
            local,
        )],
    }
}

fn codex(url: &str) -> Assistant {
    let entry = "[mcp_servers.picard]\nurl = \"URL\"";
    let local = "[mcp_servers.picard]\ncommand = \"picard\"\nargs = [\"mcp\"]";
    Assistant {
        id: "codex",
        name: "Codex",
        reach: Reach::Here,
        steps: vec![
            Step::new("Run this in a terminal. It opens the browser to log in.")
                .shell(&format!("codex mcp add picard --url {}", in_shell(url))),
            Step::new("Or put this into the file.").file(
                "~/.codex/config.toml",
                Format::Toml,
                &with(entry, url),
            ),
            Step::new("Log in again later with this.").shell("codex mcp login picard"),
        ],
        stdio: vec![
            Step::new("Run this in a terminal.").shell("codex mcp add picard -- picard mcp"),
            Step::new("Or put this into the file.").file(
                "~/.codex/config.toml",
                Format::Toml,
                local,
            ),
        ],
    }
}

/// Everything else that starts its servers itself.
fn stdio() -> Assistant {
    Assistant {
        id: "stdio",
        name: "Any other, over stdio",
        reach: Reach::Stdio,
        steps: Vec::new(),
        stdio: vec![
            Step::new(
                "Most programs read this form. Where picard is not on the search path, write its \
                 whole path as the command.",
            )
            .file("the program's own configuration", Format::Json, MCP_SERVERS),
            Step::new(
                "The command alone, for a program that asks for it. Where the data directory has \
                 several accounts, add --user and a handle.",
            )
            .shell("picard mcp"),
        ],
    }
}

/// The form that began with Claude Desktop and that most programs read.
const MCP_SERVERS: &str = r#"{
  "mcpServers": {
    "picard": {
      "command": "picard",
      "args": ["mcp"]
    }
  }
}"#;

impl Step {
    const fn new(words: &'static str) -> Self {
        Self {
            words,
            snippet: None,
            link: None,
        }
    }

    fn copy(mut self, file: Option<&'static str>, format: Format, text: &str) -> Self {
        let text = text.to_owned();
        self.snippet = Some(Snippet { file, format, text });
        self
    }

    fn address(self, url: &str) -> Self {
        self.copy(None, Format::Address, url)
    }

    fn shell(self, command: &str) -> Self {
        self.copy(None, Format::Shell, command)
    }

    fn file(self, file: &'static str, format: Format, text: &str) -> Self {
        self.copy(Some(file), format, text)
    }

    fn link(mut self, words: &'static str, href: String) -> Self {
        self.link = Some((words, href));
        self
    }
}

/// Puts an address in the place of `"URL"`. A string of JSON is also one of
/// TOML and of YAML.
fn with(template: &str, url: &str) -> String {
    template.replace("\"URL\"", &serde_json::json!(url).to_string())
}

/// Quotes a word for a POSIX shell where it needs it.
fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_cannot_leave_its_quotes() {
        assert_eq!(in_shell("https://h/mcp"), "https://h/mcp");
        assert_eq!(in_shell("http://[::1]:8001/mcp"), "'http://[::1]:8001/mcp'");
        assert_eq!(
            in_shell("https://h/$(id)'/mcp"),
            r"'https://h/$(id)'\''/mcp'"
        );
        assert_eq!(with("url = \"URL\"", r#"a"b\"#), r#"url = "a\"b\\""#);
    }
}
