//! Requests by route.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGauge};

use crate::{list, registry::Registry};

/// The methods that are told apart; a stranger may send any word.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Returns the word for a method: itself, or `other`.
pub fn method_word(method: &str) -> &'static str {
    let known = METHODS.into_iter().find(|known| *known == method);
    known.unwrap_or("other")
}

/// Counts requests, and how long they take. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The route as the router has it, `/memories/{id}`, or `unmatched`.
    pub route: &'a str,
    /// The method.
    pub method: &'a str,
    /// The status; `None` when the client hung up before.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
}

impl Http {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            requests: registry.counters(&list::HTTP_REQUESTS),
            seconds: registry.histograms(&list::HTTP_SECONDS),
            in_flight: registry.gauge(&list::HTTP_IN_FLIGHT),
        }
    }

    /// Notes that a request has come. Each is to be followed by [`Self::ended`].
    pub fn began(&self) {
        self.in_flight.inc();
    }

    /// Notes that a request is over.
    pub fn ended(&self, request: Answered<'_>) {
        self.in_flight.dec();
        let method = method_word(request.method);
        let class = match request.status.map(|status| status / 100) {
            None => "gone",
            Some(1) => "1xx",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
        };
        self.requests
            .with_label_values(&[request.route, method, class])
            .inc();
        self.seconds
            .with_label_values(&[request.route, method])
            .observe(request.took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_is_none_is_told_by_one_word_however_long() {
        assert_eq!(method_word("DELETE"), "DELETE");
        for strange in ["BREW", "get", "", &"A".repeat(10_000)] {
            assert_eq!(method_word(strange), "other");
        }
    }
}
