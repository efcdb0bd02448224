//! What the pages of both services share: one look, and the plumbing that no
//! handler may forget.
//!
//! The look: `assets/picard.css` (design tokens, light and dark), a logo, one
//! small script that only improves pages which already work without it, and
//! `templates/` with the frame of every page and the parts in it. The plumbing:
//! headers, cookies, CSRF, notices shown once, error pages. No business logic,
//! no routes but `/assets/…`; `server` and `web` are the callers.
//!
//! # Using it
//!
//! A service describes itself once as a [`Site`], wraps the router of its
//! pages in [`pages`], and merges [`assets_router`] next to it:
//!
//! ```
//! use std::sync::Arc;
//! use axum::{Router, response::Response, routing::get};
//! use picard_ui::{Browser, CsrfForm, Site, Tone, assets_router, pages, see_other};
//! # use picard_domain::Entropy;
//! # struct Os; impl Entropy for Os { fn fill(&self, bytes: &mut [u8]) { bytes.fill(7) } }
//!
//! #[derive(serde::Deserialize)]
//! struct Rename { name: String }
//!
//! /// A POST: the token was checked before this runs; the answer is always 303.
//! async fn rename(browser: Browser, CsrfForm(form): CsrfForm<Rename>) -> Response {
//!     # let _ = form.name;
//!     browser.redirect("/profile", "renamed")
//! }
//! # async fn profile(browser: Browser) -> Response { see_other("/") }
//!
//! let site = Site::new("Picard", "http://localhost:8000", "picard_web", Arc::new(Os))
//!     .member_link("Memories", "/memories")
//!     .visitor_link("Log in", "/login")
//!     .notices(&[("renamed", Tone::Success, "Your name has been changed.")]);
//! let router = pages(Router::new().route("/profile", get(profile).post(rename)), Arc::new(site));
//! let router: Router = router.merge(assets_router());
//! ```
//!
//! # Templates
//!
//! askama reads templates of other crates through its `dirs`: put this in the
//! `askama.toml` beside your `Cargo.toml` and keep your own pages in
//! `templates/`:
//!
//! ```toml
//! [general]
//! dirs = ["templates", "../ui/templates"]
//! ```
//!
//! A page's struct has a field `shell: Shell` ([`Browser::shell`]) and extends
//! the frame. The parts (`Field`, `Choice`, `CopyText`, `Snippet`, `Badge`,
//! `Moment`, `Pager`) are structs too: make them in the handler, print them with
//! `{{ field }}`; they escape what they are given. `csrf.html` is the hidden
//! field that each POST form needs.
//!
//! ```html
//! {% extends "base.html" %}
//! {% block title %}Profile{% endblock %}
//! {% block layout %}narrow{% endblock %}
//! {% block main %}
//! <h1>Profile</h1>
//! <form method="post" action="/profile" class="card stack">
//!   {% include "csrf.html" %}
//!   {{ name }}
//!   <div class="actions"><button class="button">Save</button></div>
//! </form>
//! {% endblock %}
//! ```
//!
//! Layouts: `narrow` (forms), `reading` (texts and cards), nothing (tables).
//! `cargo run -p picard-ui --example gallery` shows every part.

mod assets;
mod browser;
mod cookies;
mod error_page;
mod form;
mod headers;
mod local_path;
mod origin;
mod parts;
mod proxies;
mod render;
mod shell;
mod site;

pub use assets::{ICON_SVG, assets_router};
pub use browser::Browser;
pub use cookies::Cookies;
pub use error_page::ErrorPage;
pub use form::{CsrfForm, FORM_LIMIT};
pub use headers::pages;
pub use local_path::LocalPath;
pub use parts::{Badge, Choice, CopyText, Field, Moment, Pager, Snippet};
pub use proxies::{InvalidNetwork, Network, caller};
pub use render::{html, html_form, html_with, see_other};
pub use shell::{NavLink, Notice, Shell, Tone};
pub use site::{Link, Site};
