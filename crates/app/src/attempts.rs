//! How often somebody may guess, counted in the database so that all nodes count together.

use std::net::{IpAddr, Ipv4Addr};

use picard_crypto::sha256;
use picard_domain::{Instant, Span};
use picard_metrics::{Label as _, Limit as Kind};
use picard_store::attempts;

use crate::{App, Error, Visit};

/// The window in which failures are counted.
const WINDOW: Span = Span::minutes(15);

/// From where the servers of Claude call: many people share these addresses,
/// and each connection they make registers a client (160.79.104.0/21).
const SHARED_BY_MANY: (Ipv4Addr, u32) = (Ipv4Addr::new(160, 79, 104, 0), 21);

/// What is counted, and how often it may fail in one window.
pub(crate) struct Limit {
    kind: Kind,
    key: String,
    most: i64,
}

impl Limit {
    /// Log-ins to one account: from one address, and from anywhere.
    ///
    /// The second is far above the first, so that whoever guesses from one
    /// address does not lock the owner out.
    pub(crate) fn log_in(handle: &str, visit: &Visit) -> [Self; 2] {
        let address = address(visit);
        [
            Self::new(Kind::LogIn, &format!("log in {handle} from {address}"), 10),
            Self::new(Kind::LogIn, &format!("log in {handle}"), 100),
        ]
    }

    /// Log-ins from one address to any account. Behind a proxy everybody may
    /// come from one, so right ones are taken back.
    pub(crate) fn address(visit: &Visit) -> Self {
        Self::new(
            Kind::LogInAddress,
            &format!("log in from {}", address(visit)),
            200,
        )
    }

    /// New accounts from one address.
    pub(crate) fn sign_up(visit: &Visit) -> [Self; 1] {
        [Self::new(
            Kind::SignUp,
            &format!("sign up from {}", address(visit)),
            60,
        )]
    }

    /// Applications that register themselves from one address. It bounds what one
    /// caller can fill the table with, and is far above what assistants need.
    ///
    /// Providers hand out a /48 of IPv6 to one customer, which is 65,536 times a
    /// /64, so that counts too.
    pub(crate) fn registration(visit: &Visit) -> Vec<Self> {
        let most = if is_shared_by_many(visit.ip) {
            5000
        } else {
            100
        };
        Self::and_by_the_48(Kind::Registration, visit, most)
    }

    /// Documents about applications that the server fetches because of one address,
    /// before anybody has logged in. It bounds what one caller can make it ask
    /// others for, and keep.
    pub(crate) fn document(visit: &Visit) -> Vec<Self> {
        Self::and_by_the_48(Kind::Document, visit, 100)
    }

    fn and_by_the_48(kind: Kind, visit: &Visit, most: i64) -> Vec<Self> {
        let what = kind.as_str();
        let name = format!("{what} from {}", address(visit));
        let mut limits = vec![Self::new(kind, &name, most)];
        if let Some(IpAddr::V6(ip)) = visit.ip {
            let name = format!("{what} from {:x?}/48", &ip.segments()[..3]);
            limits.push(Self::new(kind, &name, 500));
        }
        limits
    }

    /// The password asked for again within a session.
    pub(crate) fn password(user: picard_domain::UserId) -> [Self; 1] {
        [Self::new(
            Kind::Password,
            &format!("password of {user}"),
            10,
        )]
    }

    /// Keys are digests: the table does not tell who tried to log in from where.
    fn new(kind: Kind, name: &str, most: i64) -> Self {
        let digest = sha256(name.as_bytes());
        let digest = <[u8; 16]>::try_from(&digest[..16]).unwrap_or_default();
        let key = format!("{:032x}", u128::from_be_bytes(digest));
        Self { kind, key, most }
    }
}

fn address(visit: &Visit) -> String {
    match visit.ip {
        // One household or attacker commonly holds a whole /64.
        Some(IpAddr::V6(ip)) => format!("{:x?}", &ip.segments()[..4]),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => "nowhere".to_owned(),
    }
}

fn is_shared_by_many(ip: Option<IpAddr>) -> bool {
    let (network, bits) = SHARED_BY_MANY;
    let start = |ip: Ipv4Addr| u32::from(ip) >> (32 - bits);
    matches!(ip, Some(IpAddr::V4(ip)) if start(ip) == start(network))
}

impl App {
    /// Counts an attempt before it is made, so that guesses sent all at once
    /// are bounded too; refuses it when there were too many.
    pub(crate) async fn count_attempt(&self, limits: &[Limit]) -> Result<(), Error> {
        let now = self.now();
        for limit in limits {
            let found = attempts::find(&self.db, &limit.key, now, WINDOW).await?;
            if let Some(count) = found.filter(|count| count.failures >= limit.most) {
                self.metrics.limits.one(limit.kind);
                return Err(too_many(count.window_start, now));
            }
        }
        for limit in limits {
            let count = attempts::fail(&self.db, &limit.key, now, WINDOW).await?;
            if count.failures > limit.most {
                self.metrics.limits.one(limit.kind);
                return Err(too_many(count.window_start, now));
            }
        }
        Ok(())
    }

    /// Takes an attempt back that was right.
    pub(crate) async fn forgive_attempt(&self, limit: &Limit) -> Result<(), Error> {
        Ok(attempts::forgive(&self.db, &limit.key).await?)
    }

    /// Forgets attempts after one was right.
    pub(crate) async fn clear_attempts(&self, limits: &[Limit]) -> Result<(), Error> {
        for limit in limits {
            attempts::clear(&self.db, &limit.key).await?;
        }
        Ok(())
    }
}

fn too_many(window_start: Instant, now: Instant) -> Error {
    let left = (window_start + WINDOW - now).as_seconds() + 1;
    Error::TooManyAttempts {
        retry_after_seconds: u64::try_from(left).unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_many_people_share_are_known() {
        let is_shared = |text: &str| is_shared_by_many(text.parse().ok());
        assert!(is_shared("160.79.104.0") && is_shared("160.79.111.255"));
        for text in ["160.79.103.255", "160.79.112.0", "::1", "nowhere"] {
            assert!(!is_shared(text), "{text}");
        }
    }

    #[test]
    fn registrations_and_documents_count_by_the_64_and_by_the_48_of_an_address() {
        for limits in [Limit::registration, Limit::document] {
            let keys = |text: &str| -> Vec<String> {
                let ip = Some(text.parse().expect("an address"));
                let user_agent = String::new();
                let limits = limits(&Visit { ip, user_agent });
                limits.into_iter().map(|limit| limit.key).collect()
            };
            let one = keys("2001:db8:1:1::1");
            assert_eq!(keys("2001:db8:1:1:ffff::2"), one, "the same /64");
            let neighbour = keys("2001:db8:1:2::1");
            assert_ne!(neighbour[0], one[0], "another /64");
            assert_eq!(neighbour[1], one[1], "of the same /48");
            assert_ne!(keys("2001:db8:2:1::1")[1], one[1], "another /48");
            assert_eq!(keys("192.0.2.1").len(), 1);
        }
    }
}
