//! From the address of a resource to what its authorization server says about
//! itself (RFC 9728, RFC 8414), each step checked before the next.

use picard_oauth::{
    challenge::BearerChallenge,
    metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata},
    pkce, well_known,
};
use reqwest::{StatusCode, header};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::ScopeSet;
use crate::{
    Error, Limits,
    http::{Http, Proxies, Repeat},
};

/// Metadata are short.
const LIMITS: Limits = Limits {
    answer_bytes: 1024 * 1024,
    ..Limits::DEFAULT
};

/// A protected resource, and where to get tokens for it.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The resource's own name, to be sent as it is (RFC 8707).
    pub resource: String,
    /// The scopes that it lists.
    pub scopes: ScopeSet,
    /// What its authorization server says about itself: its issuer is the one
    /// that the resource names, and it does PKCE with S256.
    pub server: AuthorizationServerMetadata,
}

impl Discovered {
    /// Asks the resource at this address who issues tokens for it, and that
    /// server how. The resource is asked without a token first: its challenge
    /// may say where its metadata are.
    pub async fn find(resource: &str) -> Result<Self, Error> {
        let resource = address(resource)?;
        let http = http_to(&resource, LIMITS)?;
        let answer = http
            .send(Repeat::Safe, |http| http.post(resource.as_str()))
            .await?;
        let challenge = BearerChallenge::find(answer.headers(header::WWW_AUTHENTICATE));
        Self::look_up(&http, &resource, challenge.as_ref()).await
    }

    /// The same with a challenge that is at hand.
    pub(crate) async fn look_up(
        http: &Http,
        resource: &Url,
        challenge: Option<&BearerChallenge>,
    ) -> Result<Self, Error> {
        let named = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
        let metadata = match named {
            Some(place) => {
                let place = safe(place, resource)?;
                let found = document(http, place.as_str()).await?;
                checked(found, place.as_str(), resource)?
            }
            None => first_of(http, resource).await?,
        };
        let issuer = metadata
            .authorization_servers
            .first()
            .ok_or_else(|| Error::protocol(format!("{resource} names no authorization server")))?;
        Ok(Self {
            server: authorization_server(http, issuer, resource).await?,
            scopes: metadata
                .scopes_supported
                .iter()
                .map(String::as_str)
                .collect(),
            resource: metadata.resource,
        })
    }
}

/// Tries the well-known places.
async fn first_of(http: &Http, resource: &Url) -> Result<ProtectedResourceMetadata, Error> {
    for place in well_known::protected_resource(resource) {
        if let Some(found) = document(http, &place).await? {
            return checked(Some(found), &place, resource);
        }
    }
    checked(None, resource.as_str(), resource)
}

/// Checks that metadata are those of the resource that was asked for (RFC 9728
/// section 3.3): they name its address, or the address whose own well-known
/// place they were found at and which the resource is part of. Otherwise a
/// server could have tokens made out to another one.
fn checked(
    metadata: Option<ProtectedResourceMetadata>,
    place: &str,
    resource: &Url,
) -> Result<ProtectedResourceMetadata, Error> {
    let metadata = metadata
        .ok_or_else(|| Error::protocol(format!("{place} has no metadata of a resource")))?;
    let named = Url::parse(&metadata.resource)
        .map_err(|_| Error::protocol("the resource's name for itself is no address"))?;
    let whole = || {
        let own_place = well_known::protected_resource(&named).swap_remove(0) == place;
        let path = named.path().trim_end_matches('/');
        let below = resource.path().strip_prefix(path);
        own_place
            && named.origin() == resource.origin()
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if named == *resource || whole() {
        Ok(metadata)
    } else {
        Err(Error::protocol(format!(
            "{resource} says that it is {named}"
        )))
    }
}

/// Reads the metadata of an issuer and checks what everything else rests on
/// (RFC 8414 section 3.3): that they are this issuer's, by plain comparison,
/// and that it does PKCE with S256.
async fn authorization_server(
    http: &Http,
    issuer: &str,
    resource: &Url,
) -> Result<AuthorizationServerMetadata, Error> {
    let url = safe(issuer, resource)?;
    for place in well_known::authorization_server(&url) {
        let found: Option<AuthorizationServerMetadata> = document(http, &place).await?;
        let Some(metadata) = found else { continue };
        usable(&metadata, issuer)?;
        let endpoints = [
            Some(&metadata.authorization_endpoint),
            Some(&metadata.token_endpoint),
            metadata.registration_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            safe(endpoint, resource)?;
        }
        return Ok(metadata);
    }
    Err(Error::protocol(format!("{issuer} has no metadata")))
}

/// Refuses metadata of another issuer, or of a server without S256.
pub(super) fn usable(metadata: &AuthorizationServerMetadata, issuer: &str) -> Result<(), Error> {
    if metadata.is_usable(issuer) {
        return Ok(());
    }
    Err(Error::protocol(format!(
        "the server at {issuer} says that its issuer is {}, and offers the PKCE methods {:?} \
         without {}",
        metadata.issuer,
        metadata.code_challenge_methods_supported,
        pkce::METHOD,
    )))
}

/// Reads a document. `None`: there is none, or something else is served there,
/// such as the pages of an application.
async fn document<T: DeserializeOwned>(http: &Http, url: &str) -> Result<Option<T>, Error> {
    let answer = http.send(Repeat::Safe, |http| http.get(url)).await?;
    match answer.status {
        StatusCode::OK => Ok(serde_json::from_slice(&answer.body).ok()),
        status if status.is_server_error() => Err(super::endpoint::refusal(&answer)),
        _ => Ok(None),
    }
}

/// Reads the address of a resource.
pub(super) fn address(resource: &str) -> Result<Url, Error> {
    let invalid = |why: String| Error::Address {
        address: resource.to_owned(),
        why,
    };
    let url = Url::parse(resource).map_err(|error| invalid(error.to_string()))?;
    if is_safe(&url, &url) {
        Ok(url)
    } else {
        Err(invalid(
            "is no https address, nor an http address on this machine".to_owned(),
        ))
    }
}

/// Reads an address that metadata name.
fn safe(text: &str, resource: &Url) -> Result<Url, Error> {
    let url = Url::parse(text).ok();
    url.filter(|url| is_safe(url, resource))
        .ok_or_else(|| Error::protocol(format!("{resource} leads to {text}, which is not safe")))
}

/// Tells whether secrets may go to an address that `resource` leads to: over
/// TLS, or to this machine when the resource is on it too. A server elsewhere
/// must not make a client talk to its neighbours.
fn is_safe(url: &Url, resource: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain
        && match url.scheme() {
            "https" => true,
            "http" => is_loopback(url) && is_loopback(resource),
            _ => false,
        }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Makes a pool of connections for a resource and its authorization server.
pub(super) fn http_to(resource: &Url, limits: Limits) -> Result<Http, Error> {
    let proxies = if is_loopback(resource) {
        Proxies::None
    } else {
        Proxies::OfTheEnvironment
    };
    Http::open(proxies, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(resource: &str) -> ProtectedResourceMetadata {
        ProtectedResourceMetadata::new(resource, "https://issuer.example")
    }

    #[test]
    fn a_resource_speaks_for_itself_and_what_is_below_it() {
        let asked: Url = "https://h/a/mcp".parse().expect("an address");
        let well_known = "https://h/.well-known/oauth-protected-resource";
        for (named, place, good) in [
            ("https://h/a/mcp", "https://h/anywhere.json", true),
            ("https://h/a/mcp", "https://elsewhere/anywhere.json", true),
            ("https://h", well_known, true),
            (
                "https://h/a",
                "https://h/.well-known/oauth-protected-resource/a",
                true,
            ),
            ("https://h", "https://h/anywhere.json", false),
            ("https://h/a", well_known, false),
            (
                "https://h/b",
                "https://h/.well-known/oauth-protected-resource/b",
                false,
            ),
            (
                "https://h/a/m",
                "https://h/.well-known/oauth-protected-resource/a/m",
                false,
            ),
            (
                "https://evil",
                "https://evil/.well-known/oauth-protected-resource",
                false,
            ),
            ("https://evil/a/mcp", "https://h/anywhere.json", false),
            ("mcp", "https://h/anywhere.json", false),
        ] {
            let answer = checked(Some(metadata(named)), place, &asked);
            assert_eq!(answer.is_ok(), good, "{named} from {place}");
        }
    }

    #[test]
    fn a_server_elsewhere_cannot_lead_to_this_machine_or_off_tls() {
        let far: Url = "https://h/mcp".parse().expect("an address");
        let near: Url = "http://localhost:8001/mcp".parse().expect("an address");
        for (text, from_far, from_near) in [
            ("https://other.example", true, true),
            ("http://other.example", false, false),
            ("http://127.0.0.1:9", false, true),
            ("http://[::1]:9", false, true),
            ("http://169.254.169.254", false, false),
            ("https://u:p@other.example", false, false),
            ("file:///etc/passwd", false, false),
            ("", false, false),
        ] {
            assert_eq!(safe(text, &far).is_ok(), from_far, "{text}");
            assert_eq!(safe(text, &near).is_ok(), from_near, "{text}");
        }
        assert!(address("http://picard.lan/mcp").is_err());
    }
}
