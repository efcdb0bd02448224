//! Clients that are known by a document under their URL: the copy of it, when
//! it is fetched again, and what counts while it cannot be.

use picard_domain::{Instant, Span};
use picard_metrics::RegisteredBy;
use picard_oauth::{
    ClientIdentifier,
    authorize::PageError,
    cimd::{ClientDocument, DocumentUrl, InvalidDocument, KeySource, STALE},
};
use picard_store::clients::{self, RedirectUris, Registered};

use crate::{App, Error, FetchError, Fetched, NotAsked, Visit, Wanted, attempts::Limit};

/// How much of what is wrong with a document is shown. Some of it is quoted from
/// the document, which is a stranger's.
const MOST_SHOWN: usize = 200;

impl App {
    /// Finds the client of a document for somebody whom nobody knows yet: one
    /// address makes the server fetch so many, and then has to do with the copies.
    pub(crate) async fn document_client_for(
        &self,
        visit: &Visit,
        url: &DocumentUrl,
        known: Option<clients::Client>,
    ) -> Result<clients::Client, NotAsked> {
        let now = self.now();
        let fresh_until = known.as_ref().and_then(|row| row.document_fresh_until);
        let holds = |span| fresh_until.is_some_and(|until| now < until + span);
        let counted = if holds(Span::ZERO) {
            Ok(())
        } else {
            self.count_attempt(&Limit::document(visit)).await
        };
        match (counted, known) {
            (Ok(()), known) => self.document_client(url, known).await,
            (Err(Error::TooManyAttempts { .. }), Some(copy)) if holds(STALE) => Ok(copy),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Finds the client of a document, as it is today: the copy while it is
    /// fresh, else the document itself. While that cannot be had, the last good
    /// copy stands in for a day (such hosts had outages of hours); a document that
    /// has become a bad one counts at once.
    pub(crate) async fn document_client(
        &self,
        url: &DocumentUrl,
        known: Option<clients::Client>,
    ) -> Result<clients::Client, NotAsked> {
        let now = self.now();
        let fresh_until = known.as_ref().and_then(|row| row.document_fresh_until);
        match known {
            Some(row) if fresh_until.is_some_and(|until| now < until) => Ok(row),
            known => {
                let what = match &known {
                    Some(_) => Wanted::KnownDocument,
                    None => Wanted::NewDocument,
                };
                let most = ClientDocument::MAX_BYTES;
                match self.fetch.fetch(url.outbound(), most, what).await {
                    Ok(fetched) => self.take_document(url, &fetched, known).await,
                    Err(why) => {
                        tracing::warn!(%url, %why, "the document of a client was not fetched");
                        if why.is_final() {
                            self.outdate(known.as_ref()).await?;
                        }
                        let holds = fresh_until.is_some_and(|until| now < until + STALE);
                        known
                            .filter(|_| holds && why.may_pass())
                            .ok_or_else(|| not_fetched(url, &why).into())
                    }
                }
            }
        }
    }

    /// Reads what was fetched and keeps it, unless it is bad.
    async fn take_document(
        &self,
        url: &DocumentUrl,
        fetched: &Fetched,
        known: Option<clients::Client>,
    ) -> Result<clients::Client, NotAsked> {
        let now = self.now();
        match ClientDocument::parse(url, &fetched.body) {
            Ok(document) => {
                let is_new = known.is_none();
                let mut row = row(url, document, known, now)?;
                row.document_fresh_until = Some(now + fetched.fresh_for);
                clients::put(&self.db, &row).await.map_err(Error::from)?;
                if is_new {
                    self.metrics.registrations.one(RegisteredBy::Document);
                }
                Ok(row)
            }
            Err(why) => {
                tracing::warn!(%url, %why, "the document of a client is bad");
                self.outdate(known.as_ref()).await?;
                Err(bad(url, &why).into())
            }
        }
    }

    /// From now on there is no good copy to stand in.
    async fn outdate(&self, known: Option<&clients::Client>) -> Result<(), Error> {
        if let Some(row) = known {
            clients::outdate(&self.db, row.id).await?;
        }
        Ok(())
    }
}

/// The client as the document describes it. What is known beyond that stays:
/// when it was used, and its keys, if they are still at the same place.
fn row(
    url: &DocumentUrl,
    document: ClientDocument,
    known: Option<clients::Client>,
    now: Instant,
) -> Result<clients::Client, Error> {
    let uris = document.redirect_uris.iter().map(ToString::to_string);
    let redirect_uris = RedirectUris::new(uris.collect())
        .ok_or_else(|| Error::internal("a redirect URI with a space"))?;
    let (jwks, jwks_uri) = match document.keys {
        KeySource::None => (None, None),
        KeySource::Inline(jwks) => (Some(jwks), None),
        KeySource::At(uri) => (None, Some(uri.to_string())),
    };
    let same = known.filter(|known| jwks_uri.is_some() && known.jwks_uri == jwks_uri);
    let kept = same.as_ref();
    Ok(clients::Client {
        id: ClientIdentifier::Document(url.clone()).client_id(),
        registered: Registered::Document,
        secret_digest: None,
        name: document.name.to_string(),
        redirect_uris,
        scopes: document.scopes,
        auth_method: document.auth.to_string(),
        application_type: document.application_type.as_str().to_owned(),
        client_uri: document.client_uri.map(|uri| uri.to_string()),
        jwks: jwks.or_else(|| kept.and_then(|kept| kept.jwks.clone())),
        jwks_uri,
        jwks_fetched_at: kept.and_then(|kept| kept.jwks_fetched_at),
        metadata_digest: None,
        metadata_url: Some(url.as_str().to_owned()),
        document_fetched_at: Some(now),
        document_fresh_until: None,
        created_at: now,
        last_used_at: None,
    })
}

fn bad(url: &DocumentUrl, why: &InvalidDocument) -> PageError {
    PageError::BadDocument {
        host: url.host().to_owned(),
        why: why.to_string().chars().take(MOST_SHOWN).collect(),
    }
}

fn not_fetched(url: &DocumentUrl, why: &FetchError) -> PageError {
    let host = url.host().to_owned();
    if *why == FetchError::Busy {
        PageError::Busy
    } else if why.is_outage() {
        // Which names lead inside is not for strangers to find out here.
        let shown = match why {
            FetchError::Address => &FetchError::Unreachable,
            why => why,
        };
        PageError::DocumentUnavailable {
            host,
            why: format!("it {shown}"),
        }
    } else {
        PageError::BadDocument {
            host,
            why: why.to_string(),
        }
    }
}
