//! `docs/connect.md` says what the page says.

use std::{fmt::Write as _, fs, path::Path};

use picard_server::connect::{Reach, Step, assistants};

const URL: &str = "https://memory.example.org/mcp";
const BEGIN: &str = "<!-- assistants: a test holds this part against the page -->\n";
const END: &str = "<!-- end of assistants -->\n";

/// The instructions in Markdown.
fn markdown() -> String {
    let mut text = String::new();
    for assistant in assistants(URL) {
        let reach = match assistant.reach {
            Reach::Internet => "Calls from the internet: it needs a public https address.\n",
            Reach::Here => "Calls from your computer: `localhost` will do.\n",
            Reach::Stdio => "Starts Picard itself, on your computer.\n",
        };
        write!(text, "\n### {}\n\n{reach}", assistant.name).expect("a string takes all");
        steps(&mut text, &assistant.steps);
        if !assistant.steps.is_empty() && !assistant.stdio.is_empty() {
            text.push_str("\n**Without a server:**\n");
        }
        steps(&mut text, &assistant.stdio);
    }
    text.push('\n');
    text
}

fn steps(text: &mut String, steps: &[Step]) {
    for (number, step) in (1..).zip(steps) {
        // A link into a program does nothing in a document.
        if step.link.is_some() {
            let words = step.words.replace("Let ", "On the page `/connect`, let ");
            write!(text, "\n{number}. {words}\n").expect("a string takes all");
        } else {
            write!(text, "\n{number}. {}\n", step.words).expect("a string takes all");
        }
        if let Some(snippet) = &step.snippet {
            if let Some(file) = snippet.file {
                write!(text, "\n   `{file}`\n").expect("a string takes all");
            }
            let body = snippet.text.replace('\n', "\n   ");
            let format = snippet.format.in_markdown();
            write!(text, "\n   ```{format}\n   {body}\n   ```\n").expect("a string takes all");
        }
    }
}

#[test]
fn the_document_and_the_page_say_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connect.md");
    let document = fs::read_to_string(&path).expect("docs/connect.md");
    let (before, rest) = document.split_once(BEGIN).expect("the part begins");
    let (part, after) = rest.split_once(END).expect("the part ends");
    let expected = markdown();
    if part != expected {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connect.md");
        let whole = [before, BEGIN, &expected, END, after].concat();
        fs::write(&made, whole).expect("a file");
        panic!("the page says something else; {} has it", made.display());
    }
}

#[test]
fn the_readme_has_the_command_for_claude_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(path).expect("README.md");
    let all = assistants("http://localhost:8001/mcp");
    let code = all.iter().find(|assistant| assistant.id == "claude-code");
    let command = code.and_then(|code| code.steps[0].snippet.clone());
    assert!(readme.contains(&command.expect("a command").text));
}
