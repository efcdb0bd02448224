//! Where a POST came from, as the browser says (Fetch metadata and `Origin`).
//!
//! This is the second lock beside the token in the form: it holds against a
//! login forced by another site even where that site could set cookies.

use axum::http::{HeaderMap, HeaderValue, header::ORIGIN};

use crate::Site;

/// Tells whether nothing says that another site sent this request.
///
/// `same-site` is refused too: a page of any other port or sibling domain is
/// that. `Origin: null` alone proves nothing, since our own `no-referrer`
/// makes browsers send it with our own forms; a sandboxed frame sends it too,
/// but then with `Sec-Fetch-Site: cross-site`. Programs send neither header.
pub(crate) fn is_own(headers: &HeaderMap, site: &Site) -> bool {
    let fetch_site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origins: Vec<_> = headers.get_all(ORIGIN).iter().collect();
    let origin_is_own = match origins.as_slice() {
        [] => true,
        [origin] => origin
            .to_str()
            .is_ok_and(|text| text == "null" || site.owns(text)),
        _ => false,
    };
    origin_is_own && matches!(fetch_site, None | Some(b"same-origin" | b"none"))
}
