//! The frame of a page: header, navigation, notice, footer.

use std::fmt;

use crate::{
    Browser,
    assets::{ICON, SCRIPT, STYLESHEET},
    site::Link,
};

/// How a notice or a badge is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know.
    Info,
    /// It worked.
    Success,
    /// Something to be careful about.
    Warning,
    /// It did not work.
    Error,
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A sentence above the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

impl Notice {
    /// A notice.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
        }
    }

    /// Says that something worked.
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(Tone::Success, text)
    }

    /// Says something that is neither good nor bad.
    pub fn info(text: impl Into<String>) -> Self {
        Self::new(Tone::Info, text)
    }

    /// Says that something did not work.
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Tone::Error, text)
    }

    /// The role for screen readers: errors interrupt, the rest waits.
    pub fn role(&self) -> &'static str {
        if self.tone == Tone::Error {
            "alert"
        } else {
            "status"
        }
    }
}

/// A link in the header.
#[derive(Debug, Clone)]
pub struct NavLink {
    /// Where it leads.
    pub link: Link,
    /// Whether the page is below it.
    pub current: bool,
}

/// What `base.html` needs, made by [`Browser::shell`].
#[derive(Debug, Clone)]
pub struct Shell {
    /// The service's name.
    pub site: String,
    /// The links in the header.
    pub nav: Vec<NavLink>,
    /// The links in the footer.
    pub footer: Vec<Link>,
    /// The name of the person who is logged in.
    pub person: Option<String>,
    /// The value of the hidden field `csrf` of every form on the page; empty
    /// until a form asks for it through [`Shell::csrf`].
    csrf: Csrf,
    /// A sentence above the content.
    pub notice: Option<Notice>,
}

/// The token of a browser, which learns that it was shown.
#[derive(Clone)]
struct Csrf(Browser);

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Csrf")
    }
}

impl Shell {
    pub(crate) fn new(browser: &Browser, person: Option<String>) -> Self {
        let site = browser.site();
        let links = if person.is_some() {
            &site.member_links
        } else {
            &site.visitor_links
        };
        let nav = links.iter().map(|link| NavLink {
            link: link.clone(),
            current: is_below(browser.path(), &link.href),
        });
        Self {
            site: site.name.clone(),
            nav: nav.collect(),
            footer: site.footer_links.clone(),
            person,
            csrf: Csrf(browser.clone()),
            notice: browser.take_notice(),
        }
    }

    /// Shows a sentence above the content.
    #[must_use]
    pub fn with_notice(mut self, notice: Notice) -> Self {
        self.notice = Some(notice);
        self
    }

    /// Adds a link to the header, for some who are logged in and not for others.
    #[must_use]
    pub fn with_link(mut self, label: &str, href: &str) -> Self {
        let current = is_below(self.path(), href);
        let link = Link::new(label, href);
        self.nav.push(NavLink { link, current });
        self
    }

    /// The path that was asked for.
    pub fn path(&self) -> &str {
        self.csrf.0.path()
    }

    /// The value of the hidden field `csrf`. A visitor who sees it gets the
    /// cookie that it belongs to; one who sees no form gets none.
    pub fn csrf(&self) -> String {
        self.csrf.0.csrf()
    }

    /// The path of the stylesheet.
    pub fn stylesheet(&self) -> &'static str {
        &STYLESHEET.path
    }

    /// The path of the script.
    pub fn script(&self) -> &'static str {
        &SCRIPT.path
    }

    /// The path of the logo.
    pub fn icon(&self) -> &'static str {
        &ICON.path
    }
}

fn is_below(path: &str, href: &str) -> bool {
    path == href
        || (href != "/"
            && path
                .strip_prefix(href)
                .is_some_and(|rest| rest.starts_with('/')))
}
