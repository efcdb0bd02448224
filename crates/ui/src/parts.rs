//! The parts of pages: fields, choices, badges, instants, things to copy.
//!
//! Each prints itself as HTML (`{{ field }}` in a template) and escapes what
//! it is given.

use std::borrow::Borrow;

use askama::{Template, filters::HtmlSafe};
use picard_domain::{Instant, Permission};

enum Control {
    Input(&'static str),
    Area { rows: u32 },
    Select(Vec<(String, String)>),
}

/// One field of a form with its label, hint and error.
#[derive(Template)]
#[template(path = "field.html")]
pub struct Field {
    name: &'static str,
    id: &'static str,
    label: String,
    control: Control,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    optional: bool,
    attributes: Vec<(&'static str, String)>,
}

impl Field {
    fn of(name: &'static str, label: &str, control: Control) -> Self {
        Self {
            name,
            id: name,
            label: label.to_owned(),
            control,
            value: String::new(),
            hint: None,
            error: None,
            optional: false,
            attributes: Vec::new(),
        }
    }

    /// A line of text.
    pub fn text(name: &'static str, label: &str) -> Self {
        Self::of(name, label, Control::Input("text"))
    }

    /// A password: `autocomplete` is `current-password` or `new-password`.
    /// Its value is never sent back to the browser.
    pub fn password(name: &'static str, label: &str, autocomplete: &str) -> Self {
        Self::of(name, label, Control::Input("password")).attribute("autocomplete", autocomplete)
    }

    /// A handle: a line of text that browsers neither correct nor capitalise.
    pub fn handle(name: &'static str, label: &str) -> Self {
        Self::text(name, label)
            .attribute("autocomplete", "username")
            .attribute("autocapitalize", "none")
            .attribute("spellcheck", "false")
            .attribute("maxlength", "32")
    }

    /// An input of another type: `search`, `date`, `datetime-local`, `number`, `email`, `url`.
    pub fn input(kind: &'static str, name: &'static str, label: &str) -> Self {
        Self::of(name, label, Control::Input(kind))
    }

    /// Several lines of text.
    pub fn area(name: &'static str, label: &str, rows: u32) -> Self {
        Self::of(name, label, Control::Area { rows })
    }

    /// One of several values: `(value, words)`.
    pub fn select(name: &'static str, label: &str, options: &[(&str, &str)]) -> Self {
        let own = |&(value, words): &(&str, &str)| (value.to_owned(), words.to_owned());
        Self::of(
            name,
            label,
            Control::Select(options.iter().map(own).collect()),
        )
    }

    /// Sets the element's id where two forms of a page have a field of this name.
    #[must_use]
    pub fn id(mut self, id: &'static str) -> Self {
        self.id = id;
        self
    }

    /// What is in the field.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// A sentence that helps to fill it in.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong with what was filled in.
    #[must_use]
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    /// Must be filled in.
    #[must_use]
    pub fn required(self) -> Self {
        self.attribute("required", "")
    }

    /// May be left empty, and says so.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets another attribute; the name must be one of HTML.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    fn describes(&self) -> String {
        let ids = [("hint", &self.hint), ("error", &self.error)];
        let ids = ids.iter().filter(|(_, text)| text.is_some());
        ids.map(|(what, _)| format!("{}-{what}", self.id))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn shows_value(&self) -> bool {
        !self.value.is_empty() && !matches!(self.control, Control::Input("password"))
    }
}

/// One of a few things, all visible: radio buttons.
#[derive(Template)]
#[template(path = "choice.html")]
pub struct Choice {
    name: &'static str,
    legend: String,
    options: Vec<ChoiceOption>,
    selected: String,
    error: Option<String>,
}

struct ChoiceOption {
    value: String,
    label: String,
    hint: String,
}

impl Choice {
    /// A choice without options yet.
    pub fn new(name: &'static str, legend: &str) -> Self {
        Self {
            name,
            legend: legend.to_owned(),
            options: Vec::new(),
            selected: String::new(),
            error: None,
        }
    }

    /// The choice between private and public.
    pub fn permission(selected: Permission) -> Self {
        Self::new("permission", "Who can find it")
            .option(
                "private",
                "Private",
                "Only you, and applications you allow.",
            )
            .option("public", "Public", "Also whoever asks your persona.")
            .selected(selected.as_str())
    }

    /// Adds an option; the hint may be empty.
    #[must_use]
    pub fn option(mut self, value: &str, label: &str, hint: &str) -> Self {
        let option = ChoiceOption {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
        };
        self.options.push(option);
        self
    }

    /// Says which option is chosen.
    #[must_use]
    pub fn selected(mut self, value: &str) -> Self {
        value.clone_into(&mut self.selected);
        self
    }

    /// What is wrong with the choice.
    #[must_use]
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }
}

/// An id, address or command that people copy: selectable as it is, with a
/// button where scripts run.
#[derive(Template)]
#[template(path = "copy.html")]
pub struct CopyText {
    id: &'static str,
    text: String,
}

impl CopyText {
    /// The text, in an element whose `id` is unique on the page.
    pub fn new(id: &'static str, text: impl ToString) -> Self {
        Self {
            id,
            text: text.to_string(),
        }
    }
}

/// Several lines to copy: a command, or a part of a file.
#[derive(Template)]
#[template(path = "snippet.html")]
pub struct Snippet {
    id: String,
    text: String,
    name: String,
    file: Option<String>,
}

impl Snippet {
    /// The text, in an element whose `id` is unique on the page; `name` tells
    /// its button from the others for those who hear the page.
    pub fn new(id: impl Into<String>, name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            text: text.into(),
            name: name.into(),
            file: None,
        }
    }

    /// Says which file it belongs into.
    #[must_use]
    pub fn file(mut self, file: Option<&str>) -> Self {
        self.file = file.map(str::to_owned);
        self
    }
}

/// A word about a memory.
#[derive(Template, Debug, Clone, Copy, PartialEq, Eq)]
#[template(
    source = r#"<span class="badge {{ self.class() }}">{{ self.word() }}</span>"#,
    ext = "html"
)]
pub enum Badge {
    /// Only the owner finds it.
    Private,
    /// Anybody may find it.
    Public,
    /// No search finds it any more.
    Expired,
    /// A live session or connection: this one.
    Current,
}

impl Badge {
    fn word(self) -> &'static str {
        match self {
            Self::Private => "Private",
            Self::Public => "Public",
            Self::Expired => "Expired",
            Self::Current => "This one",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Expired => "expired",
            Self::Current => "current",
        }
    }
}

impl From<Permission> for Badge {
    fn from(permission: Permission) -> Self {
        match permission {
            Permission::Private => Self::Private,
            Permission::Public => Self::Public,
        }
    }
}

/// An instant: the minute in UTC, and where scripts run in the reader's zone.
#[derive(Template, Debug, Clone, Copy)]
#[template(
    source = r#"<time datetime="{{ self.0 }}">{{ self.0.minute() }} UTC</time>"#,
    ext = "html"
)]
pub struct Moment(pub Instant);

impl Moment {
    /// The same for templates, which pass fields by reference.
    pub fn of(instant: impl Borrow<Instant>) -> Self {
        Self(*instant.borrow())
    }
}

/// The way through a list of several pages (keyset: forward, and to the start).
#[derive(Template, Debug, Clone, Default)]
#[template(path = "pager.html")]
pub struct Pager {
    /// The first page, unless this is it.
    pub first: Option<String>,
    /// The next page, if there is one.
    pub next: Option<String>,
}

// They print HTML in which everything that they were given is escaped.
impl HtmlSafe for Field {}
impl HtmlSafe for Choice {}
impl HtmlSafe for CopyText {}
impl HtmlSafe for Snippet {}
impl HtmlSafe for Badge {}
impl HtmlSafe for Moment {}
impl HtmlSafe for Pager {}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "\"><script>alert('x')</script>&";

    fn is_escaped(html: &str) {
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("\"\">"), "{html}");
        assert!(
            html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"),
            "{html}"
        );
    }

    #[test]
    fn parts_escape_what_they_are_given() {
        is_escaped(&Field::text("a", "A").value(EVIL).to_string());
        is_escaped(&Field::text("a", EVIL).to_string());
        is_escaped(
            &Field::text("a", "A")
                .hint(EVIL)
                .error(Some(EVIL))
                .to_string(),
        );
        is_escaped(&Field::text("a", "A").attribute("max", EVIL).to_string());
        is_escaped(&Field::area("a", "A", 3).value(EVIL).to_string());
        is_escaped(&Field::select("a", "A", &[(EVIL, EVIL)]).to_string());
        is_escaped(&Choice::new("a", "A").option(EVIL, EVIL, EVIL).to_string());
        is_escaped(&CopyText::new("a", EVIL).to_string());
        is_escaped(&Snippet::new("a", EVIL, EVIL).file(Some(EVIL)).to_string());
        is_escaped(
            &Pager {
                first: None,
                next: Some(EVIL.to_owned()),
            }
            .to_string(),
        );
    }

    #[test]
    fn a_password_is_never_sent_back() {
        let field = Field::password("p", "Password", "current-password").value("hunter2");
        assert!(!field.to_string().contains("hunter2"));
    }

    #[test]
    fn hint_and_error_are_tied_to_their_field() {
        let html = Field::text("a", "A").hint("h").error(Some("e")).to_string();
        assert!(
            html.contains(r#"aria-describedby="a-hint a-error""#),
            "{html}"
        );
        assert!(html.contains(r#"aria-invalid="true""#), "{html}");
        assert!(
            html.contains(r#"id="a-hint""#) && html.contains(r#"id="a-error""#),
            "{html}"
        );
    }
}
