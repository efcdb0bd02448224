//! What a service tells about itself, once, at start.

use std::sync::Arc;

use picard_domain::Entropy;
use url::{Host, Url};

use crate::{Notice, Tone, cookies::CookieNames};

/// A link in the header, the footer or an error page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The words to click on.
    pub label: String,
    /// Where it leads: a local path or an absolute URL made by us, never input.
    pub href: String,
}

impl Link {
    /// A link to `href`.
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            href: href.into(),
        }
    }
}

/// One service as its pages know it: name, public address, links, notices.
pub struct Site {
    pub(crate) name: String,
    pub(crate) origin: Url,
    pub(crate) cookies: CookieNames,
    pub(crate) member_links: Vec<Link>,
    pub(crate) visitor_links: Vec<Link>,
    pub(crate) footer_links: Vec<Link>,
    pub(crate) entropy: Arc<dyn Entropy>,
    notices: &'static [(&'static str, Tone, &'static str)],
    popups: &'static [&'static str],
}

impl Site {
    /// Describes a service that browsers reach at `public_url`.
    ///
    /// `cookie_prefix` begins the names of its cookies. It must differ between
    /// services of one host, since browsers share cookies across ports.
    ///
    /// # Panics
    /// If `public_url` is no absolute URL: configuration is checked before.
    pub fn new(
        name: impl Into<String>,
        public_url: &str,
        cookie_prefix: &str,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let origin = Url::parse(public_url).expect("the public URL was checked at start");
        let cookies = CookieNames::new(cookie_prefix, origin.scheme() == "https");
        Self {
            name: name.into(),
            origin,
            cookies,
            member_links: Vec::new(),
            visitor_links: Vec::new(),
            footer_links: Vec::new(),
            entropy,
            notices: &[],
            popups: &[],
        }
    }

    /// Adds a link to the header for people who are logged in.
    #[must_use]
    pub fn member_link(mut self, label: &str, href: &str) -> Self {
        self.member_links.push(Link::new(label, href));
        self
    }

    /// Adds a link to the header for everybody else.
    #[must_use]
    pub fn visitor_link(mut self, label: &str, href: &str) -> Self {
        self.visitor_links.push(Link::new(label, href));
        self
    }

    /// Adds a link to the footer.
    #[must_use]
    pub fn footer_link(mut self, label: &str, href: &str) -> Self {
        self.footer_links.push(Link::new(label, href));
        self
    }

    /// Names the notices that a redirect can carry: code, tone, sentence.
    /// Only the code travels, so that no one can put words on our pages.
    #[must_use]
    pub fn notices(mut self, notices: &'static [(&'static str, Tone, &'static str)]) -> Self {
        self.notices = notices;
        self
    }

    /// Names the paths that other sites may open in a popup and keep hold of.
    ///
    /// Everything else is isolated (`Cross-Origin-Opener-Policy: same-origin`).
    /// OAuth clients in a browser open the authorization endpoint in a popup
    /// and see it as closed once any response on the way is isolated, so the
    /// pages from there to the consent must not be.
    #[must_use]
    pub fn opened_as_popup(mut self, paths: &'static [&'static str]) -> Self {
        self.popups = paths;
        self
    }

    /// Tells whether browsers reach the service over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.origin.scheme() == "https"
    }

    pub(crate) fn is_popup(&self, path: &str) -> bool {
        self.popups.contains(&path)
    }

    pub(crate) fn notice(&self, code: &str) -> Option<Notice> {
        let (_, tone, text) = self.notices.iter().find(|(known, ..)| *known == code)?;
        Some(Notice::new(*tone, *text))
    }

    /// Tells whether an `Origin` is this service's own. A service at a loopback
    /// address has all the names of loopback.
    pub(crate) fn owns(&self, origin: &str) -> bool {
        let Ok(other) = Url::parse(origin) else {
            return false;
        };
        let loopback = is_loopback(&self.origin) && is_loopback(&other);
        other.scheme() == self.origin.scheme()
            && other.port_or_known_default() == self.origin.port_or_known_default()
            && (other.host() == self.origin.host() || loopback)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
