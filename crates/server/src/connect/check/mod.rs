//! Tests the public address the way a client would use it, and says in words
//! what is wrong and what mends it.
//!
//! Only the configured address is called, never one that somebody typed into a
//! page; redirects are told, not followed; answers are cut off after 64 KiB, a
//! request after 5 seconds, and the whole after 20.

mod address;
mod connection;
mod endpoint;
mod identity;
mod metadata;
mod web;

use std::time::Duration;

use picard_domain::Instant;
use serde::Serialize;

pub(crate) use self::address::is_loopback;
use self::web::Web;

const PATIENCE: Duration = Duration::from_secs(20);

/// What to test.
#[derive(Debug, Clone)]
pub struct Target {
    /// The issuer, as it is configured.
    pub public_url: String,
    /// The process that should answer; `None` when it is not known, since the
    /// test runs in another one.
    pub instance: Option<String>,
    /// The time.
    pub now: Instant,
}

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It may be meant, or hurts only some clients.
    Warning,
    /// Clients will fail.
    Wrong,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What was tested, in a word or two.
    pub what: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen: a sentence. It may quote what another server answered.
    pub seen: String,
    /// What mends it.
    pub remedy: Option<&'static str>,
}

impl Row {
    fn good(what: &'static str, seen: impl Into<String>) -> Self {
        Self {
            what,
            verdict: Verdict::Good,
            seen: seen.into(),
            remedy: None,
        }
    }

    fn warning(what: &'static str, seen: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            verdict: Verdict::Warning,
            remedy: Some(remedy),
            ..Self::good(what, seen)
        }
    }

    fn wrong(what: &'static str, seen: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            verdict: Verdict::Wrong,
            ..Self::warning(what, seen, remedy)
        }
    }
}

/// Runs every test that makes sense after the ones before it.
pub async fn check(target: &Target) -> Vec<Row> {
    let mut rows = Vec::new();
    let in_time = tokio::time::timeout(PATIENCE, run(target, &mut rows)).await;
    if in_time.is_err() {
        rows.push(Row::wrong(
            "Time",
            "The test was broken off after 20 seconds.",
            "Clients do not wait that long either. Look for what is slow between them and Picard: \
             a proxy, a bot filter, a tunnel.",
        ));
    }
    rows
}

async fn run(target: &Target, rows: &mut Vec<Row>) {
    let (row, url) = address::check(&target.public_url);
    rows.push(row);
    let Some(url) = url else {
        return;
    };
    let web = match Web::new(&url) {
        Ok(web) => web,
        Err(row) => return rows.push(row),
    };
    let health = match connection::check(&web, &url).await {
        Ok(answer) => answer,
        Err(row) => return rows.push(row),
    };
    rows.push(Row::good(connection::WHAT, "It answers."));
    rows.push(identity::server(&health, target.instance.as_deref()));
    rows.push(identity::clock(&health, target.now));
    rows.push(metadata::resource(&web, target, &url).await);
    rows.push(metadata::authorization_server(&web, target, &url).await);
    rows.push(endpoint::without_token(&web, target, &url).await);
    rows.push(endpoint::with_token(&web, target).await);
    rows.push(endpoint::from_browsers(&web, target, &url).await);
}
