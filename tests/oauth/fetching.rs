//! The fetcher by itself: one fetch for all who ask, and not too many.

use std::net::IpAddr;

use futures::future::join_all;
use picard_app::{Fetch as _, FetchError};
use picard_oauth::outbound::OutboundUrl;
use picard_tests::web_host::{INSIDE, PUBLIC, WebHost};
use serde_json::json;

fn url(text: &str) -> OutboundUrl {
    text.parse().expect("a URL that may be fetched")
}

#[tokio::test]
async fn everybody_who_asks_at_once_shares_one_fetch() {
    let host = WebHost::start(&["app.example"]).await;
    let (fetcher, url) = (host.fetcher(), url("https://app.example/x"));
    host.publish(url.as_str(), &json!({"a": 1}));
    let all = join_all((0..50).map(|_| fetcher.fetch(&url, 100))).await;
    for fetched in all {
        assert_eq!(fetched.expect("fetched").body, br#"{"a":1}"#);
    }
    assert_eq!(host.asked().len(), 1);
    // What is over is over: the next one asks anew.
    fetcher.fetch(&url, 100).await.expect("fetched");
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn one_host_is_asked_twenty_times_in_a_minute_and_others_do_not_notice() {
    let host = WebHost::start(&["app.example", "b.example"]).await;
    let fetcher = host.fetcher();
    for n in 0..20 {
        let url = url(&format!("https://app.example/{n}"));
        assert_eq!(fetcher.fetch(&url, 100).await, Err(FetchError::Status(404)));
    }
    let more = url("https://app.example/more");
    assert_eq!(fetcher.fetch(&more, 100).await, Err(FetchError::Busy));
    assert_eq!(host.asked().len(), 20);
    let other = url("https://b.example/x");
    assert_eq!(
        fetcher.fetch(&other, 100).await,
        Err(FetchError::Status(404))
    );
}

#[tokio::test]
async fn eight_addresses_of_a_host_are_tried_and_no_more() {
    let host = WebHost::start(&["app.example"]).await;
    let fetcher = host.fetcher_with(|address| address.is_loopback());
    let url = url("https://app.example/x");
    host.publish(url.as_str(), &json!({}));
    // Nobody listens at these.
    let mut addresses: Vec<_> = (2..=8).map(|n| IpAddr::from([127, 0, 0, n])).collect();
    addresses.push(PUBLIC);
    host.resolve("app.example", &[&addresses]);
    assert!(fetcher.fetch(&url, 100).await.is_ok());
    addresses.insert(0, INSIDE);
    host.resolve("app.example", &[&addresses]);
    let fetched = fetcher.fetch(&url, 100).await;
    assert_eq!(fetched, Err(FetchError::Unreachable));
    // One that is tried no more can still be what gives a name away.
    let fetcher = host.fetcher_with(|address| address.is_loopback() && address != PUBLIC);
    let fetched = fetcher.fetch(&url, 100).await;
    assert_eq!(fetched, Err(FetchError::Address));
}

#[tokio::test]
async fn the_cap_is_on_bytes_and_to_the_byte() {
    let host = WebHost::start(&["app.example"]).await;
    let (fetcher, url) = (host.fetcher(), url("https://app.example/x"));
    let json = "Content-Type: application/client+json; charset=utf-8\r\n";
    host.respond(url.as_str(), "200 OK", json, &[b' '; 100]);
    assert!(fetcher.fetch(&url, 100).await.is_ok());
    assert_eq!(fetcher.fetch(&url, 99).await, Err(FetchError::TooLong(99)));
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_believed() {
    let (host, other) = (
        WebHost::start(&["app.example"]).await,
        WebHost::start(&["b.example"]).await,
    );
    let wrong_name = url("https://b.example/x");
    host.publish(wrong_name.as_str(), &json!({}));
    let fetched = host.fetcher().fetch(&wrong_name, 100).await;
    assert_eq!(fetched, Err(FetchError::Unreachable));
    let (theirs, url) = (other.fetcher(), url("https://app.example/x"));
    assert_eq!(theirs.fetch(&url, 100).await, Err(FetchError::Unreachable));
    assert!(host.asked().is_empty() && other.asked().is_empty());
}
