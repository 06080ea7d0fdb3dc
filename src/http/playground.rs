//! The playground's files, embedded in the binary.

use super::answer;
use super::edge::matches_tag;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Of brotli: the highest takes ten times as long for a twentieth less.
const QUALITY: i32 = 9;
/// Smaller files go out as they are.
const SMALL: usize = 1024;

/// What `playground/` builds; a build without it serves no playground.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/playground/dist"]
#[allow_missing = true]
struct Files;

/// Scripts and everything else from here alone; inline styles because the editor sets them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file by its path below `/playground/`.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let path = if path.is_empty() { "index.html" } else { path };
    let takes_brotli = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim() == "br" || coding.trim().starts_with("br;") && !coding.trim().ends_with("q=0"));
    let file = Files::get(path)?;
    let tag = tag(&file);
    if headers.get(IF_NONE_MATCH).is_some_and(|sent| matches_tag(sent, &tag)) {
        let mut response = answer::empty(StatusCode::NOT_MODIFIED);
        describe(response.headers_mut(), path, &tag);
        return Some(response);
    }
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let packed = takes_brotli.then(|| packed(path, &bytes)).flatten();
    let coding = packed.is_some();
    let mut response = answer::with_type(StatusCode::OK, content_type(path), Body::from(packed.unwrap_or(bytes)));
    describe(response.headers_mut(), path, &tag);
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("accept-encoding"));
    if coding {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Some(response)
}

/// A file as it goes over the wire: compressed when it is first asked for, and kept. `None` for what is small or does not
/// shrink. There are as many as the build has files, so nothing has to be thrown out.
fn packed(path: &str, bytes: &Bytes) -> Option<Bytes> {
    static PACKED: LazyLock<Mutex<HashMap<String, Option<Bytes>>>> = LazyLock::new(Mutex::default);
    if bytes.len() < SMALL {
        return None;
    }
    let known = || PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(packed) = known().get(path) {
        return packed.clone();
    }
    let pack = || {
        let settings = brotli::enc::BrotliEncoderParams {
            quality: QUALITY,
            size_hint: bytes.len(),
            ..Default::default()
        };
        let mut small = Vec::with_capacity(bytes.len() / 3);
        let done = brotli::BrotliCompress(&mut &bytes[..], &mut small, &settings);
        (done.is_ok() && small.len() < bytes.len()).then(|| Bytes::from(small))
    };
    // Half a second in a debug build: other requests of this thread need not wait for it.
    let threads = tokio::runtime::Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
    let packed = if threads {
        tokio::task::block_in_place(pack)
    } else {
        pack()
    };
    // Of two that asked at the same time the first one's stays.
    known().entry(path.to_owned()).or_insert(packed).clone()
}

fn describe(headers: &mut HeaderMap, path: &str, tag: &str) {
    // The build names files by their content, the page itself apart.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static(content_type(path)));
}

/// Weak, since the same file may go out compressed.
fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let start = hash
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("W/\"{start:016x}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_assets() {
        let Some(page) = file("", &HeaderMap::new()) else {
            assert!(Files::iter().next().is_none(), "files without a page");
            return;
        };
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(page.headers()[CACHE_CONTROL], "no-cache");
        assert!(
            page.headers()[CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("script-src 'self';")
        );
        let mut again = HeaderMap::new();
        again.insert(IF_NONE_MATCH, page.headers()[ETAG].clone());
        assert_eq!(file("index.html", &again).unwrap().status(), StatusCode::NOT_MODIFIED);
        for path in Files::iter() {
            let asset = file(&path, &HeaderMap::new()).unwrap();
            assert_ne!(asset.headers()[CONTENT_TYPE], "application/octet-stream", "{path}");
            if path.starts_with("assets/") {
                assert!(
                    asset.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn compressed_once() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, "gzip, br;q=0.9".parse().unwrap());
        for path in Files::iter() {
            let plain = Files::get(&path).unwrap().data;
            let body = |headers: &HeaderMap| {
                let response = file(&path, headers).unwrap();
                let coding = response.headers().get(CONTENT_ENCODING).cloned();
                let bytes = axum::body::to_bytes(response.into_body(), usize::MAX);
                (coding, futures_util::FutureExt::now_or_never(bytes).unwrap().unwrap())
            };
            let (coding, first) = body(&headers);
            let (_, second) = body(&headers);
            assert_eq!(body(&HeaderMap::new()), (None, plain.to_vec().into()), "{path}");
            if plain.len() < SMALL {
                assert_eq!(coding, None, "{path}");
                continue;
            }
            assert_eq!(coding.unwrap(), "br", "{path}");
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut &first[..], &mut unpacked).unwrap();
            assert_eq!(unpacked, plain.to_vec(), "{path}");
            assert_eq!(
                first.as_ptr(),
                second.as_ptr(),
                "{path}: the same bytes, not made again"
            );
        }
    }

    #[test]
    fn nothing_else_is_served() {
        for path in [
            "../Cargo.toml",
            "/etc/passwd",
            "assets/../../../Cargo.toml",
            "assets",
            "nothing",
            "..",
            "index.html/",
        ] {
            assert!(file(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
