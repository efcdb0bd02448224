//! How often somebody may guess, and register, counted in the database so that
//! all nodes count together.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use picard_crypto::sha256;
use picard_domain::{Instant, Span};
use picard_metrics::Limit as Kind;

use crate::{
    Error,
    service::Service,
    store::{AccountId, attempts},
};

/// The window in which failures are counted.
const WINDOW: Span = Span::minutes(15);

/// Where a form was sent from, as it is counted. Of IPv6 that is the /64, which
/// one household or attacker commonly holds the whole of.
pub(crate) struct Whence(String);

impl Whence {
    fn of(ip: Option<IpAddr>) -> Self {
        Self(match ip {
            Some(IpAddr::V6(ip)) => format!("{:x?}", &ip.segments()[..4]),
            Some(IpAddr::V4(ip)) => ip.to_string(),
            None => "nowhere".to_owned(),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Whence
where
    Arc<Service>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let service = Arc::<Service>::from_ref(state);
        Ok(Self::of(picard_ui::caller(parts, &service.trusted_proxies)))
    }
}

/// What is counted, and how often it may fail in one window.
pub(crate) struct Limit {
    kind: Kind,
    subject: String,
    most: i64,
}

impl Limit {
    /// Log-ins to one account: from one address, and from anywhere. The second
    /// is far above the first, so that whoever guesses from one address does not
    /// lock the owner out.
    pub(crate) fn log_in(username: &str, Whence(address): &Whence) -> [Self; 2] {
        [
            Self::new(
                Kind::LogIn,
                "login",
                &format!("{username} from {address}"),
                10,
            ),
            Self::new(Kind::LogIn, "login", username, 100),
        ]
    }

    /// Log-ins from one address to any account. Behind a proxy that is not
    /// trusted everybody comes from one, so right ones are taken back.
    pub(crate) fn address(Whence(address): &Whence) -> Self {
        Self::new(Kind::LogInAddress, "from", address, 200)
    }

    /// New accounts from one address.
    pub(crate) fn registration(Whence(address): &Whence) -> Self {
        Self::new(Kind::SignUp, "register", address, 60)
    }

    /// The password asked for again by somebody who is logged in.
    pub(crate) fn password(id: AccountId) -> Self {
        Self::new(Kind::Password, "prove", &id.to_string(), 10)
    }

    /// The subject is a digest, since people type passwords into the field for
    /// the username.
    fn new(kind: Kind, what: &str, who: &str, most: i64) -> Self {
        let digest = sha256(format!("{what} {who}").as_bytes());
        let subject = digest
            .iter()
            .take(16)
            .fold(format!("{what}:"), |hex, byte| format!("{hex}{byte:02x}"));
        Self {
            kind,
            subject,
            most,
        }
    }
}

impl Service {
    /// Counts an attempt before it is made, so that guesses sent all at once are
    /// bounded too; refuses it when there were too many.
    pub(crate) async fn count_attempt(&self, limits: &[Limit]) -> Result<(), Error> {
        let now = self.now();
        for Limit {
            kind,
            subject,
            most,
        } in limits
        {
            let found = attempts::failures(&self.db, subject, WINDOW, now).await?;
            if let Some((_, start)) = found.filter(|(failures, _)| failures >= most) {
                self.metrics.limits.one(*kind);
                return Err(too_many(start, now));
            }
        }
        for Limit {
            kind,
            subject,
            most,
        } in limits
        {
            let (failures, start) = attempts::count(&self.db, subject, WINDOW, now).await?;
            if failures > *most {
                self.metrics.limits.one(*kind);
                return Err(too_many(start, now));
            }
        }
        Ok(())
    }

    /// Takes an attempt back that was right.
    pub(crate) async fn forgive_attempt(&self, limit: &Limit) -> Result<(), Error> {
        Ok(attempts::forgive(&self.db, &limit.subject).await?)
    }

    /// Forgets attempts after one was right.
    pub(crate) async fn clear_attempts(&self, limits: &[Limit]) -> Result<(), Error> {
        for limit in limits {
            attempts::clear(&self.db, &limit.subject).await?;
        }
        Ok(())
    }
}

fn too_many(start: Instant, now: Instant) -> Error {
    let left = (start + WINDOW - now).as_seconds().max(0);
    Error::TooManyAttempts {
        retry_after: left as u64 + 1,
    }
}
