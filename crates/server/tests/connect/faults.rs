//! Each fault is told in the row that it belongs to, in words that help.

use picard_server::connect::{
    Row, Target,
    Verdict::{self, Good, Warning, Wrong},
    check,
};
use tokio::net::TcpListener;

use crate::front::{Fault, Front};

async fn rows(fault: Fault) -> Vec<Row> {
    let front = Front::start(fault).await;
    check(&front.target).await
}

fn row<'a>(rows: &'a [Row], what: &str) -> &'a Row {
    let found = rows.iter().find(|row| row.what == what);
    found.unwrap_or_else(|| panic!("no row {what} in {rows:#?}"))
}

#[tokio::test]
async fn a_server_without_faults_passes_every_test() {
    let rows = rows(Fault::None).await;
    assert!(rows.iter().all(|row| row.verdict == Good), "{rows:#?}");
    let what: Vec<_> = rows.iter().map(|row| row.what).collect();
    assert_eq!(
        what,
        [
            "Address",
            "Connection",
            "Server",
            "Clock",
            "Metadata of /mcp",
            "Metadata of the log-in",
            "Log-in is asked for",
            "Tokens arrive",
            "Clients in browsers",
        ]
    );
}

/// Fault, the first row that is not good, its verdict, words of what is seen
/// and of what mends it.
const FAULTS: &[(Fault, &str, Verdict, &str, &str)] = &[
    (Fault::Page, "Server", Wrong, "HTML page", "log-in wall"),
    (
        Fault::Redirect,
        "Server",
        Wrong,
        "https://login.example/",
        "log-in of its own",
    ),
    (
        Fault::Password,
        "Server",
        Wrong,
        "password of its own",
        "Switch it off",
    ),
    (
        Fault::BadGateway,
        "Server",
        Wrong,
        "502",
        "PICARD_SERVER_LISTEN",
    ),
    (
        Fault::OtherInstance,
        "Server",
        Warning,
        "Another process",
        "several share",
    ),
    (Fault::OldDate, "Clock", Warning, "differ by", "NTP"),
    (
        Fault::PageForWellKnown,
        "Metadata of /mcp",
        Wrong,
        "HTML page",
        "/.well-known/",
    ),
    (
        Fault::OtherAddress,
        "Metadata of /mcp",
        Wrong,
        "https://memory.example.org/mcp",
        "PICARD_PUBLIC_URL",
    ),
    (
        Fault::NoMcp,
        "Log-in is asked for",
        Wrong,
        "no /mcp",
        "Pass everything on",
    ),
    (
        Fault::OtherHost,
        "Log-in is asked for",
        Wrong,
        "refused (403)",
        "Host",
    ),
    (
        Fault::NoChallenge,
        "Log-in is asked for",
        Wrong,
        "WWW-Authenticate is missing",
        "pass it on",
    ),
    (
        Fault::InnerChallenge,
        "Log-in is asked for",
        Wrong,
        "http://picard:8001/",
        "rewrites headers",
    ),
    (
        Fault::NoAuthorization,
        "Tokens arrive",
        Wrong,
        "not seen",
        "Authorization",
    ),
    (
        Fault::OwnOptions,
        "Clients in browsers",
        Warning,
        "405",
        "OPTIONS",
    ),
];

#[tokio::test]
async fn every_fault_is_told_where_it_is_and_with_what_mends_it() {
    for &(fault, what, verdict, seen, remedy) in FAULTS {
        let rows = rows(fault).await;
        let first = rows.iter().find(|row| row.verdict != Good);
        let first = first.unwrap_or_else(|| panic!("{fault:?} is not noticed"));
        assert_eq!(
            (first.what, first.verdict),
            (what, verdict),
            "{fault:?}: {rows:#?}"
        );
        assert!(first.seen.contains(seen), "{fault:?}: {first:?}");
        let mends = first.remedy.expect("what is not good can be mended");
        assert!(mends.contains(remedy), "{fault:?}: {first:?}");
    }
}

#[tokio::test]
async fn nothing_listens_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let rows = check(&at(&format!("http://{address}"))).await;
    let last = row(&rows, "Connection");
    assert_eq!(last.verdict, Wrong);
    assert!(last.seen.contains("refused"), "{last:?}");
    assert_eq!(rows.last(), Some(last), "the rest needs an answer");
}

#[tokio::test]
async fn the_name_has_no_address() {
    // RFC 2606: a name that never has one.
    let rows = check(&at("https://picard.invalid")).await;
    let last = row(&rows, "Connection");
    assert!(
        last.seen.contains("picard.invalid has no address"),
        "{last:?}"
    );
}

#[tokio::test]
async fn tls_is_not_spoken_there() {
    let front = Front::start(Fault::None).await;
    let rows = check(&at(&front.target.public_url.replace("http:", "https:"))).await;
    let last = row(&rows, "TLS");
    assert_eq!(last.verdict, Wrong);
    assert!(last.seen.contains("not spoken"), "{last:?}");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_long() {
    let begun = std::time::Instant::now();
    let rows = rows(Fault::Silent).await;
    let last = row(&rows, "Connection");
    assert!(last.seen.contains("no answer comes"), "{last:?}");
    assert!(begun.elapsed().as_secs() < 20);
}

fn at(public_url: &str) -> Target {
    Target {
        public_url: public_url.to_owned(),
        instance: None,
        now: picard_domain::Instant::from_micros(0),
    }
}
