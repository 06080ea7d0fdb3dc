//! What every exchange has in common: an id, a time limit, caught panics, tags, headers, one line in the log.

use super::answer;
use super::watch::{Watch, Watched};
use crate::engine::deadline::late;
use crate::error::{Error, Kind};
use crate::telemetry::Record;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::Response;
use futures_util::FutureExt as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// So long after the deadline the edge answers by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Larger answers get no tag.
const TAGGED: u64 = 64 * 1024;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who has opened the connection, among a request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// A request as the handler sees it.
#[derive(Debug)]
pub struct Exchange {
    /// Its method; HEAD is given as GET.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, unread.
    pub body: Body,
    /// Where the caller is, if that is known.
    pub address: Option<IpAddr>,
    /// When the answer is due. Whoever has a form of its own for errors watches it.
    pub deadline: Instant,
}

/// What stands behind the edge.
pub trait Handler: Send + Sync + 'static {
    /// Answers.
    fn respond(&self, exchange: Exchange) -> impl Future<Output = Response> + Send;

    /// Names of the request headers that answers vary by.
    fn varies_by(&self) -> String;

    /// Whether a request shows a secret, right or wrong, that may let the caller know how long things take.
    fn asks_for_times(&self, _headers: &HeaderMap) -> bool {
        false
    }
}

/// The edge around a handler.
pub struct Edge<H> {
    handler: H,
    vary: HeaderValue,
    time_limit: Duration,
    watch: Option<Watch>,
    /// Ids are this, and a count.
    start: u32,
    count: AtomicU64,
}

impl<H: Handler> Edge<H> {
    /// Wraps a handler; until an answer begins a request may take `time_limit`.
    pub fn new(handler: H, time_limit: Duration) -> Self {
        Self {
            vary: HeaderValue::try_from(handler.varies_by()).unwrap_or(HeaderValue::from_static("*")),
            handler,
            time_limit,
            watch: None,
            start: rand::random(),
            count: AtomicU64::new(0),
        }
    }

    /// The same, watched by operators.
    #[must_use]
    pub fn watched(self, watch: Watch) -> Self {
        Self {
            watch: Some(watch),
            ..self
        }
    }

    /// What stands behind it.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    /// One exchange, from the request to the answer; of a long one to its beginning. Never fails and never panics.
    pub async fn exchange(self: Arc<Self>, request: Request<Body>) -> Response {
        let begin = Instant::now();
        let (parts, body) = request.into_parts();
        let id = self.request_id(&parts.headers);
        let head = parts.method == Method::HEAD;
        let method = if head { Method::GET } else { parts.method.clone() };
        let get = method == Method::GET;
        let if_none_match = if get {
            parts.headers.get(IF_NONE_MATCH).cloned()
        } else {
            None
        };
        let path = parts.uri.clone();
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let watched = self.watch.map(|watch| {
            let asks_for_times = self.handler.asks_for_times(&parts.headers);
            watch.begin(&parts.method, path.path(), &parts.headers, asks_for_times)
        });
        let exchange = Exchange {
            method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            address: peer,
            deadline: begin + self.time_limit,
        };
        // Statements are told within it.
        let statements =
            || tracing::debug_span!(target: "diglot::statement", "request", id = id.to_str().unwrap_or("-"));
        let span = match &watched {
            Some(Watched { span, .. }) if !span.is_disabled() => {
                let within = span.in_scope(statements);
                if within.is_disabled() { span.clone() } else { within }
            }
            _ => statements(),
        };
        let work = AssertUnwindSafe(self.handler.respond(exchange)).catch_unwind();
        let work = std::pin::pin!(work.instrument(span));
        let work = tokio::time::timeout(self.time_limit + GRACE, work);
        let done = match watched.as_ref().and_then(|watched| watched.record.as_ref()) {
            None => work.await,
            Some(record) => Record::scope(Arc::clone(record), work).await,
        };
        let mut response = match done {
            Ok(Ok(response)) => response,
            // The panic's own text has gone to the log through the hook.
            Ok(Err(_)) => answer::error(Error::internal("a panic")),
            Err(_) => answer::error(late()),
        };
        if get {
            response = self.cached(response, if_none_match.as_ref()).await;
        }
        if head {
            response = without_body(response);
        }
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(watched) = watched {
            watched.end(&parts.method, path.path(), &id, &mut response, begin);
        }
        log(&parts.method, path.path(), &response, &id, begin);
        response.headers_mut().insert(REQUEST_ID.clone(), id);
        response
    }

    /// The caller's own id if it is harmless, else a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let harmless = |id: &&HeaderValue| {
            (1..=128).contains(&id.len())
                && id
                    .as_bytes()
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
        };
        if let Some(id) = headers.get(&REQUEST_ID).filter(harmless) {
            return id.clone();
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:08x}-{count:08x}", self.start)).unwrap_or(HeaderValue::from_static("-"))
    }

    /// Answers to GET that say nothing about caching are the caller's own, and have a tag if they are small.
    async fn cached(&self, mut response: Response, if_none_match: Option<&HeaderValue>) -> Response {
        if response.headers().contains_key(CACHE_CONTROL) {
            return response;
        }
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response.headers_mut().append(VARY, self.vary.clone());
        let size = axum::body::HttpBody::size_hint(response.body()).exact();
        if response.status() != StatusCode::OK
            || response.headers().contains_key(ETAG)
            || size.is_none_or(|size| size > TAGGED)
        {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        // The size is known, so the body is in memory already.
        let Ok(bytes) = axum::body::to_bytes(body, usize::try_from(TAGGED).unwrap_or(usize::MAX)).await else {
            return answer::error(Error::internal("an answer broke off"));
        };
        let mut hasher = DefaultHasher::new();
        hasher.write(&bytes);
        parts
            .headers
            .get(CONTENT_TYPE)
            .map(HeaderValue::as_bytes)
            .hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        let known = if_none_match.is_some_and(|sent| matches_tag(sent, &tag));
        if let Ok(tag) = HeaderValue::try_from(tag) {
            parts.headers.insert(ETAG, tag);
        }
        if known {
            parts.status = StatusCode::NOT_MODIFIED;
            parts.headers.remove(CONTENT_TYPE);
            parts.headers.remove(CONTENT_LENGTH);
            return Response::from_parts(parts, Body::empty());
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

/// Whether `If-None-Match` names a tag (weakly compared, as the header wants it).
pub(super) fn matches_tag(sent: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let own = opaque(tag);
    sent.to_str()
        .is_ok_and(|sent| sent.trim() == "*" || sent.split(',').any(|one| opaque(one) == own))
}

/// HEAD: the headers of the answer to GET.
fn without_body(response: Response) -> Response {
    let size = axum::body::HttpBody::size_hint(response.body()).exact();
    let (mut parts, _) = response.into_parts();
    if let Some(size) = size
        && parts.status != StatusCode::NOT_MODIFIED
    {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    Response::from_parts(parts, Body::empty())
}

/// One line per request; errors with their cause, here and nowhere else. Query values can be secrets and are left out.
fn log(method: &Method, path: &str, response: &Response, id: &HeaderValue, begin: Instant) {
    let id = id.to_str().unwrap_or("-");
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
    let status = response.status().as_u16();
    if let Some(error) = response.extensions().get::<Arc<Error>>() {
        let cause = error.source.as_ref().map(tracing::field::display);
        match error.kind {
            Kind::Internal => tracing::error!(target: "diglot::http", id, code = error.code.0, %error, cause),
            Kind::Unavailable => tracing::warn!(target: "diglot::http", id, code = error.code.0, %error, cause),
            _ => tracing::debug!(target: "diglot::http", id, code = error.code.0, %error, cause),
        }
    }
    tracing::info!(target: "diglot::access", %method, path, status, ms = (milliseconds * 1000.0).round() / 1000.0, id);
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
