//! The files that pages load: stylesheet, script, logo.
//!
//! Each is served under a name that holds the digest of its content, so that a
//! browser may keep it for a year and still never shows an old one. Nothing
//! here depends on who asks.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use picard_crypto::sha256;

/// A file in the binary and the path it is served under.
pub(crate) struct Asset {
    pub(crate) path: String,
    kind: &'static str,
    content: &'static str,
}

pub(crate) static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "picard",
        "css",
        "text/css; charset=utf-8",
        include_str!("../assets/picard.css"),
    )
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../assets/picard.js");
    Asset::new("picard", "js", "text/javascript; charset=utf-8", content)
});
/// The logo, for what shows it elsewhere than on a page.
pub const ICON_SVG: &str = include_str!("../assets/icon.svg");

pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", ICON_SVG));

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        let hash = hex(&sha256(content.as_bytes())[..6]);
        Self {
            path: format!("/assets/{name}-{hash}.{extension}"),
            kind,
            content,
        }
    }
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Serves `/assets/{file}` to anyone, with a cache life of one year.
pub fn assets_router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{file}", get(serve))
}

async fn serve(Path(file): Path<String>) -> Response {
    let wanted = format!("/assets/{file}");
    let asset = [&*STYLESHEET, &*SCRIPT, &*ICON]
        .into_iter()
        .find(|asset| asset.path == wanted);
    let headers = |kind, cache| {
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, cache),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // An SVG opened by itself is a document: nothing in it may run or load.
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            ),
        ]
    };
    match asset {
        Some(asset) => {
            let cache = "public, max-age=31536000, immutable";
            (headers(asset.kind, cache), asset.content).into_response()
        }
        // A page that was open while the service was upgraded asks for the old name.
        None => (
            StatusCode::NOT_FOUND,
            headers("text/plain; charset=utf-8", "no-store"),
            "not found\n",
        )
            .into_response(),
    }
}
