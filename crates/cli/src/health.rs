//! `picard health`: asks a service on this machine whether it is ready. Containers
//! without a shell have nothing else to ask with.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{hint::OrHint as _, migrate::Service, server, web};

/// More than the head of an answer, and less than what could hurt.
const MOST: u64 = 16 * 1024;

/// `picard health`.
#[derive(Args)]
pub(crate) struct Health {
    /// Which service
    #[arg(value_enum, default_value = "server")]
    service: Service,
    /// Where the server listens
    #[arg(long, env = "PICARD_SERVER_LISTEN", value_name = "ADDRESS", default_value = server::LISTEN)]
    listen: SocketAddr,
    /// Where the web client listens
    #[arg(long, env = "PICARD_WEB_LISTEN", value_name = "ADDRESS", default_value = web::LISTEN)]
    web_listen: SocketAddr,
    /// How many seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
}

impl Health {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let address = local(match self.service {
            Service::Server => self.listen,
            Service::Web => self.web_listen,
        });
        let answer = timeout(Duration::from_secs(self.timeout), ask(address))
            .await
            .with_context(|| format!("{address} does not answer"))?
            .with_context(|| format!("{address} cannot be asked"))
            .or_hint("the address is that of PICARD_SERVER_LISTEN or PICARD_WEB_LISTEN")?;
        let said = answer.in_words();
        if answer.status != "200" {
            return Err(anyhow::anyhow!("{address} is not ready ({said})"))
                .or_hint("its log says why");
        }
        println!("{address} is {said}");
        Ok(())
    }
}

/// A service that listens on all addresses answers on loopback.
fn local(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// What `/health/ready` says.
struct Answer {
    status: String,
    body: Value,
}

impl Answer {
    /// Reads an answer of HTTP/1.1.
    fn read(answer: &str) -> anyhow::Result<Self> {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let mut words = head.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("HTTP/1.1"), Some(status)) => Ok(Self {
                status: status.to_owned(),
                body: serde_json::from_str(body).unwrap_or_default(),
            }),
            _ => bail!("that is no HTTP"),
        }
    }

    /// `ready`, or `degraded: model failing`; the status where nothing is said.
    fn in_words(&self) -> String {
        let Some(status) = self.body["status"].as_str() else {
            return format!("HTTP {}", self.status);
        };
        let checks = self.body["checks"].as_object();
        let checks = checks.into_iter().flatten();
        let not_ok: Vec<_> = checks
            .filter_map(|(name, state)| Some((name, state.as_str()?)))
            .filter(|(_, state)| *state != "ok")
            .map(|(name, state)| format!("{name} {state}"))
            .collect();
        if not_ok.is_empty() {
            status.to_owned()
        } else {
            format!("{status}: {}", not_ok.join(", "))
        }
    }
}

/// Asks `/health/ready`.
async fn ask(address: SocketAddr) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    Answer::read(&String::from_utf8_lossy(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_with_what_does_not_work() {
        for (body, said) in [
            (r#"{"checks":{"model":"ok"},"status":"ready"}"#, "ready"),
            (
                r#"{"checks":{"database":"ok","model":"failing"},"status":"degraded"}"#,
                "degraded: model failing",
            ),
            ("", "HTTP 200"),
        ] {
            let answer = format!("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{body}");
            let answer = Answer::read(&answer).expect("it is HTTP");
            assert_eq!(
                (answer.status.as_str(), answer.in_words().as_str()),
                ("200", said)
            );
        }
        assert!(Answer::read("SSH-2.0").is_err());
    }

    #[test]
    fn a_service_on_all_addresses_is_asked_on_loopback() {
        for (listening, asked) in [
            ("0.0.0.0:8001", "127.0.0.1:8001"),
            ("[::]:8001", "[::1]:8001"),
            ("10.1.2.3:8001", "10.1.2.3:8001"),
        ] {
            let listening: SocketAddr = listening.parse().expect("an address");
            assert_eq!(local(listening).to_string(), asked);
        }
    }
}
