//! Who answers, and what time it is there.

use std::time::UNIX_EPOCH;

use http::header;
use picard_domain::{Instant, Span};
use serde::Deserialize;

use super::{Row, web::Answer};

const WHO: &str = "Server";
const CLOCK: &str = "Clock";

/// What `/health` says.
#[derive(Deserialize)]
struct Health {
    instance: String,
}

/// Tells whether Picard answers, and whether it is the process that is meant.
pub(super) fn server(answer: &Answer, instance: Option<&str>) -> Row {
    let health: Health = match answer.json() {
        Ok(health) => health,
        Err(odd) => return odd.wrong(WHO),
    };
    match instance {
        None => Row::good(WHO, "A Picard server answers."),
        Some(own) if own == health.instance => Row::good(WHO, "This very server answers."),
        Some(_) => Row::warning(
            WHO,
            "Another process of Picard answers.",
            "That is right when several share the address. Otherwise the proxy, or \
             PICARD_PUBLIC_URL, names another server.",
        ),
    }
}

/// Compares the clocks by the `Date` of an answer (RFC 9110 section 6.6.1).
pub(super) fn clock(answer: &Answer, now: Instant) -> Row {
    let date = answer.header(header::DATE);
    let there = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let there = there.and_then(|there| there.duration_since(UNIX_EPOCH).ok());
    let Some(there) = there else {
        return Row::warning(
            CLOCK,
            "The answer has no date.",
            "Nothing needs it; a proxy that removes it may remove more.",
        );
    };
    let there = Instant::from_micros(there.as_micros() as i64);
    let off = if there > now {
        there - now
    } else {
        now - there
    };
    // A date has whole seconds, and the answer took a while.
    if off <= Span::seconds(30) {
        return Row::good(CLOCK, "Both ends agree on the time.");
    }
    Row::warning(
        CLOCK,
        format!("Both ends differ by {} seconds.", off.as_seconds()),
        "Codes live for 60 seconds and tokens for an hour. Let every machine keep time by NTP.",
    )
}
