//! The fetcher by itself: one fetch for all who ask, and not too many.

use std::{net::IpAddr, time::Duration};

use futures::future::join_all;
use picard_app::{
    Fetch as _, FetchError,
    Wanted::{Keys, KnownDocument, NewDocument},
};
use picard_oauth::outbound::OutboundUrl;
use picard_tests::web_host::{Answer, INSIDE, PUBLIC, WebHost};
use serde_json::json;
use tokio::task::JoinHandle;

fn url(text: &str) -> OutboundUrl {
    text.parse().expect("a URL that may be fetched")
}

#[tokio::test]
async fn everybody_who_asks_at_once_shares_one_fetch() {
    let host = WebHost::start(&["app.example"]).await;
    let (fetcher, url) = (host.fetcher(), url("https://app.example/x"));
    host.publish(url.as_str(), &json!({"a": 1}));
    let all = join_all((0..50).map(|_| fetcher.fetch(&url, 100, NewDocument))).await;
    for fetched in all {
        assert_eq!(fetched.expect("fetched").body, br#"{"a":1}"#);
    }
    assert_eq!(host.asked().len(), 1);
    // What is over is over: the next one asks anew.
    fetcher
        .fetch(&url, 100, NewDocument)
        .await
        .expect("fetched");
    assert_eq!(host.asked().len(), 2);
}

#[tokio::test]
async fn one_host_is_asked_twenty_times_in_a_minute_and_others_do_not_notice() {
    let host = WebHost::start(&["app.example", "b.example"]).await;
    let fetcher = host.fetcher();
    for n in 0..20 {
        let url = url(&format!("https://app.example/{n}"));
        assert_eq!(
            fetcher.fetch(&url, 100, NewDocument).await,
            Err(FetchError::Status(404))
        );
    }
    let more = url("https://app.example/more");
    assert_eq!(
        fetcher.fetch(&more, 100, NewDocument).await,
        Err(FetchError::Busy)
    );
    assert_eq!(host.asked().len(), 20);
    let other = url("https://b.example/x");
    assert_eq!(
        fetcher.fetch(&other, 100, NewDocument).await,
        Err(FetchError::Status(404))
    );
}

#[tokio::test]
async fn urls_that_nobody_has_heard_of_take_nothing_from_clients_that_are_known() {
    let host = WebHost::start(&["app.example"]).await;
    let fetcher = host.fetcher();
    for n in 0..=20 {
        let url = url(&format!("https://app.example/x{n}"));
        assert!(fetcher.fetch(&url, 100, NewDocument).await.is_err());
    }
    let known = url("https://app.example/known");
    host.publish(known.as_str(), &json!({}));
    let fetched = fetcher.fetch(&known, 100, NewDocument).await;
    assert_eq!(fetched, Err(FetchError::Busy));
    for what in [KnownDocument, Keys] {
        let fetched = fetcher.fetch(&known, 100, what).await;
        assert!(fetched.is_ok(), "{what:?}: {fetched:?}");
    }
}

#[tokio::test]
async fn a_slow_host_of_keys_holds_up_other_keys_and_no_document() {
    let host = WebHost::start(&["app.example", "slow.example"]).await;
    let fetcher = host.fetcher();
    let known = url("https://app.example/x");
    host.publish(known.as_str(), &json!({}));
    // On a busy machine the first may be given up before the last began: once more, then.
    let mut all_at_once = false;
    for round in 1..=10 {
        let slow: Vec<_> = (0..16)
            .map(|n| {
                let url = url(&format!("https://slow.example/{round}/{n}"));
                let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
                host.answer(url.as_str(), Answer::Drip(head.to_vec()));
                let fetcher = fetcher.clone();
                tokio::spawn(async move { fetcher.fetch(&url, 10_000, Keys).await })
            })
            .collect();
        let of_this_round = format!("https://slow.example/{round}/");
        let began = || {
            let asked = host.asked().into_iter();
            asked.filter(|url| url.starts_with(&of_this_round)).count()
        };
        while began() < 16 && !slow.iter().any(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for what in [NewDocument, KnownDocument] {
            assert!(fetcher.fetch(&known, 100, what).await.is_ok(), "{what:?}");
        }
        let fetched = fetcher.fetch(&known, 100, Keys).await;
        all_at_once = !slow.iter().any(JoinHandle::is_finished);
        for fetch in slow {
            let fetched = fetch.await.expect("no panic");
            assert_eq!(fetched, Err(FetchError::Slow));
        }
        if all_at_once {
            // To wait for a turn is this server's own limit, and not the host's slowness.
            assert_eq!(fetched, Err(FetchError::Busy));
            break;
        }
    }
    assert!(all_at_once, "16 fetches go on at once");
    assert!(fetcher.fetch(&known, 100, Keys).await.is_ok());
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
    assert!(fetcher.fetch(&url, 100, NewDocument).await.is_ok());
    addresses.insert(0, INSIDE);
    host.resolve("app.example", &[&addresses]);
    let fetched = fetcher.fetch(&url, 100, NewDocument).await;
    assert_eq!(fetched, Err(FetchError::Unreachable));
    // One that is tried no more can still be what gives a name away.
    let fetcher = host.fetcher_with(|address| address.is_loopback() && address != PUBLIC);
    let fetched = fetcher.fetch(&url, 100, NewDocument).await;
    assert_eq!(fetched, Err(FetchError::Address));
}

#[tokio::test]
async fn the_cap_is_on_bytes_and_to_the_byte() {
    let host = WebHost::start(&["app.example"]).await;
    let (fetcher, url) = (host.fetcher(), url("https://app.example/x"));
    let json = "Content-Type: application/client+json; charset=utf-8\r\n";
    host.respond(url.as_str(), "200 OK", json, &[b' '; 100]);
    assert!(fetcher.fetch(&url, 100, NewDocument).await.is_ok());
    assert_eq!(
        fetcher.fetch(&url, 99, NewDocument).await,
        Err(FetchError::TooLong(99))
    );
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_believed() {
    let (host, other) = (
        WebHost::start(&["app.example"]).await,
        WebHost::start(&["b.example"]).await,
    );
    let wrong_name = url("https://b.example/x");
    host.publish(wrong_name.as_str(), &json!({}));
    let fetched = host.fetcher().fetch(&wrong_name, 100, NewDocument).await;
    assert_eq!(fetched, Err(FetchError::Unreachable));
    let (theirs, url) = (other.fetcher(), url("https://app.example/x"));
    assert_eq!(
        theirs.fetch(&url, 100, NewDocument).await,
        Err(FetchError::Unreachable)
    );
    assert!(host.asked().is_empty() && other.asked().is_empty());
}
