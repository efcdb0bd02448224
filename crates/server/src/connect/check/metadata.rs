//! The two documents by which a client finds the log-in (RFC 9728, RFC 8414).

use picard_oauth::{
    metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata},
    well_known,
};
use url::Url;

use super::{
    Row, Target,
    web::{Web, ask, quoted},
};

const RESOURCE: &str = "Metadata of /mcp";
const SERVER: &str = "Metadata of the log-in";

const OTHER_ADDRESS: &str = "The server that answers has another PICARD_PUBLIC_URL. Set it to \
    the address that clients use and start it again.";

/// Where clients look first for the metadata of the resource and of the log-in.
pub(super) fn addresses(url: &Url) -> (String, String) {
    let mut mcp = url.clone();
    mcp.set_path(&format!("{}/mcp", url.path().trim_end_matches('/')));
    let first = |places: Vec<String>| places.into_iter().next().unwrap_or_default();
    (
        first(well_known::protected_resource(&mcp)),
        first(well_known::authorization_server(url)),
    )
}

/// Reads the metadata of the resource where clients look for them.
pub(super) async fn resource(web: &Web, target: &Target, url: &Url) -> Row {
    let mcp = format!("{}/mcp", target.public_url);
    let found = match ask(web.get(&addresses(url).0)).await {
        Ok(answer) => answer.json::<ProtectedResourceMetadata>(),
        Err(odd) => Err(odd),
    };
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(odd) => return odd.wrong(RESOURCE),
    };
    if metadata.resource != mcp {
        let seen = format!("They are for {}, not {mcp}.", quoted(&metadata.resource));
        return Row::wrong(RESOURCE, seen, OTHER_ADDRESS);
    }
    if !metadata.authorization_servers.contains(&target.public_url) {
        let named = quoted(&metadata.authorization_servers.join(", "));
        let seen = format!("They send people to log in at {named}.");
        return Row::wrong(RESOURCE, seen, OTHER_ADDRESS);
    }
    Row::good(RESOURCE, "Clients learn where to log in.")
}

/// Reads the metadata of the authorization server where clients look for them.
pub(super) async fn authorization_server(web: &Web, target: &Target, url: &Url) -> Row {
    let found = match ask(web.get(&addresses(url).1)).await {
        Ok(answer) => answer.json::<AuthorizationServerMetadata>(),
        Err(odd) => Err(odd),
    };
    let metadata = match found {
        Ok(metadata) => metadata,
        Err(odd) => return odd.wrong(SERVER),
    };
    if !metadata.is_usable(&target.public_url) {
        let issuer = quoted(&metadata.issuer);
        let seen = format!("The issuer is {issuer}, not {}.", target.public_url);
        return Row::wrong(SERVER, seen, OTHER_ADDRESS);
    }
    let inside = format!("{}/", target.public_url);
    let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint];
    if let Some(outside) = endpoints.iter().find(|at| !at.starts_with(&inside)) {
        let seen = format!("They name {}, which is elsewhere.", quoted(outside));
        return Row::wrong(SERVER, seen, OTHER_ADDRESS);
    }
    Row::good(SERVER, "Clients learn how to log in.")
}
