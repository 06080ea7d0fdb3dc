//! Connections: accepting, HTTP/1.1 and HTTP/2, time limits, the orderly end.

use super::edge::{Edge, Handler, Peer};
use super::hosts::Hosts;
use super::idle::Idle;
use super::stall::Stall;
use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, VARY};
use axum::http::{HeaderName, HeaderValue, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer, ExposeHeaders};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;
/// Connections at one time; more wait in the backlog.
const CONNECTIONS: usize = 10_000;
/// Bytes of a request's line and headers together.
const HEADERS: usize = 64 * 1024;
/// Requests at one time on an HTTP/2 connection.
const STREAMS: u32 = 128;
/// Smaller answers are not compressed.
const COMPRESSED: u16 = 1024;
/// How long the other end may take nothing of an answer.
const STALL: Duration = Duration::from_secs(30);

/// How long a connection may have nothing to do.
pub const IDLE: Duration = Duration::from_secs(60);

/// What limits connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most time for a request's headers to arrive.
    pub header_timeout: Duration,
    /// Most time without any request.
    pub idle_timeout: Duration,
    /// Most time from the signal to the end.
    pub shutdown_timeout: Duration,
    /// Origins that browsers may call from; `*` for any.
    pub cors_origins: Vec<String>,
    /// Names that the server answers to, besides those of this machine; see [`crate::config::Server::hosts`].
    pub hosts: Vec<String>,
}

/// Listens on an address and port.
///
/// # Errors
/// When the address cannot be resolved, is in use or not allowed.
pub async fn bind(listen: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in tokio::net::lookup_host(listen).await? {
        match bind_to(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port whose last owner has just ended can be taken at once; one that is listened on cannot.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown` is done, then finishes what has begun. `true` if everything ended in time.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    edge: Arc<Edge<H>>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let hosts = Hosts::new(listener.local_addr().ok(), &limits.hosts);
    let hosts = Arc::new(hosts);
    let answers = tower::service_fn(move |request: Request<Incoming>| {
        let edge = Arc::clone(&edge);
        let hosts = Arc::clone(&hosts);
        // In one place from here on: the layers around it hand on what they hold, and this is large.
        Box::pin(async move {
            let response = match hosts.refusal(request.uri(), request.headers()) {
                Some(refusal) => refusal,
                None => edge.exchange(request.map(Body::new)).await,
            };
            Ok::<_, Infallible>(response)
        })
    });
    let compressible = SizeAbove::new(COMPRESSED)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::SSE);
    let compressing = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(compressible.clone())
        .layer(answers.clone());
    let answers = tower::service_fn(move |request: Request<Incoming>| {
        let answers = answers.clone();
        let compressing = compressing.clone();
        let compressible = compressible.clone();
        // A body that compresses holds its compressor, some kilobytes that every layer around would move.
        Box::pin(async move {
            if request.headers().contains_key(ACCEPT_ENCODING) {
                return Ok(compressing.oneshot(request).await?.map(Body::new));
            }
            let mut response = answers.oneshot(request).await?;
            let headers = response.headers();
            let says = |value: &HeaderValue| value.as_bytes().to_ascii_lowercase().starts_with(b"accept-encoding");
            if !headers.contains_key(CONTENT_ENCODING)
                && !headers.contains_key(CONTENT_RANGE)
                && compressible.should_compress(&response)
                && !headers.get_all(VARY).iter().any(says)
            {
                // What the layer says, too: with that header it would be another answer.
                response
                    .headers_mut()
                    .append(VARY, HeaderValue::from_static("accept-encoding"));
            }
            Ok::<_, Infallible>(response)
        })
    });
    let service = ServiceBuilder::new()
        .option_layer(cors(&limits.cors_origins))
        .service(answers);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .keep_alive(true)
        .max_buf_size(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEADERS).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(limits.header_timeout);
    let builder = Arc::new(builder);
    // Every connection holds a receiver: told to end, they finish what has begun, and the last one is gone when all are.
    let (ending, _) = watch::channel(false);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let mut ended = ending.subscribe();
        let service = service.clone();
        let builder = Arc::clone(&builder);
        let patience = limits.header_timeout;
        let idle_timeout = limits.idle_timeout;
        tokio::spawn(async move {
            // An answer goes out when it is written, not when more would fill the packet.
            let _ = stream.set_nodelay(true);
            let begun = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&begun);
            let idle = Idle::new();
            let watched = Arc::clone(&idle);
            let service = tower::service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                seen.store(true, Ordering::Relaxed);
                let busy = watched.begin();
                let answer = service.clone().oneshot(request);
                async move {
                    let answer = answer.await;
                    drop(busy);
                    answer
                }
            });
            let io = Stall::new(TokioIo::new(stream), STALL);
            let connection = builder.serve_connection_with_upgrades(io, TowerToHyperService::new(service));
            let mut connection = std::pin::pin!(connection.into_owned());
            let mut silent = std::pin::pin!(tokio::time::sleep(patience));
            let (mut waiting, mut closing) = (true, false);
            loop {
                tokio::select! {
                    _ = connection.as_mut() => break,
                    // Until the first request has begun nothing else limits a silent connection.
                    () = silent.as_mut(), if waiting => {
                        waiting = false;
                        if !begun.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    // A connection of HTTP/2 lives as long as it answers pings. Told to end, it finishes what has begun.
                    () = idle.passed(idle_timeout), if !closing => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    _ = ended.changed(), if !closing => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    ending.send_replace(true);
    tokio::time::timeout(limits.shutdown_timeout, ending.closed())
        .await
        .is_ok()
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, Peer(peer.ip()), place)),
        Err(error) => {
            // Out of file descriptors, for instance: others must end before this can go on.
            if !matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
            ) {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            None
        }
    }
}

/// What browsers of other origins are told; nothing without configured origins.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origin = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin.trim_end_matches('/')).ok()),
        )
    };
    Some(
        CorsLayer::new()
            .allow_origin(origin)
            .allow_methods(AllowMethods::mirror_request())
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(ExposeHeaders::list([
                HeaderName::from_static("etag"),
                HeaderName::from_static("idempotency-replayed"),
                HeaderName::from_static("retry-after"),
                HeaderName::from_static("x-request-id"),
            ]))
            .max_age(Duration::from_secs(3600)),
    )
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
