//! What operators see of each exchange: counters, traces, slow requests in the log, and for the admin how long each stage
//! took. It begins before the routes and ends with the head of the answer.

use crate::telemetry::{self, InFlight, Record, Wanted};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Span;

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Segments of paths that are ours. All others are names and values of whoever asks.
const OWN: [&str; 24] = [
    "api",
    "assets",
    "auth",
    "catalog",
    "context",
    "execute",
    "explain",
    "graphql",
    "health",
    "healthcheck",
    "me",
    "metrics",
    "openapi.json",
    "password",
    "playground",
    "ready",
    "records",
    "refresh",
    "schema",
    "signin",
    "signout",
    "signup",
    "transaction",
    "v1",
];

/// Longer paths are told up to here.
const SEGMENTS: usize = 8;

/// What is told of exchanges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// Slower ones are told in the log.
    pub slow: Option<Duration>,
}

/// An exchange that is watched.
pub(super) struct Watched {
    /// Where its stages note what they do, if somebody looks.
    pub(super) record: Option<Arc<Record>>,
    /// Its span, for traces.
    pub(super) span: Span,
    in_flight: Option<InFlight>,
    slow: Option<Duration>,
}

impl Watch {
    /// Begins. `asks_for_times`: the caller has sent a secret that, if it is right, lets them know how long things take.
    pub(super) fn begin(self, method: &Method, path: &str, headers: &HeaderMap, asks_for_times: bool) -> Watched {
        let meters = telemetry::meters();
        let span = telemetry::request_span(method, headers, || route(path));
        let wanted = Wanted {
            stages: asks_for_times || self.slow.is_some(),
            shapes: self.slow.is_some() || !span.is_disabled(),
            spans: !span.is_disabled(),
        };
        let record = (meters.is_some() || wanted != Wanted::default()).then(|| Record::new(wanted));
        Watched {
            record,
            span,
            in_flight: meters.map(telemetry::Meters::begin),
            slow: self.slow,
        }
    }
}

impl Watched {
    /// Ends: the head of the answer is there.
    pub(super) fn end(self, method: &Method, path: &str, id: &HeaderValue, response: &mut Response, begin: Instant) {
        let Some(record) = self.record else { return };
        let took = begin.elapsed();
        let status = response.status().as_u16();
        let milliseconds = took.as_secs_f64() * 1e3;
        if let Some(in_flight) = self.in_flight {
            in_flight.answered(&record, status, took);
        }
        if record.is_admins()
            && let Ok(value) = HeaderValue::try_from(record.server_timing(milliseconds))
        {
            response.headers_mut().insert(SERVER_TIMING.clone(), value);
        }
        let id = id.to_str().unwrap_or("-");
        telemetry::answered(&self.span, &record, id, status);
        if self.slow.is_some_and(|slow| took >= slow) {
            tell(method, path, id, &record, status, milliseconds);
        }
    }
}

/// A line of a slow request: never a value, a token, or a name that its role may not see.
fn tell(method: &Method, path: &str, id: &str, record: &Record, status: u16, milliseconds: f64) {
    let mut stages = String::new();
    for (stage, milliseconds) in record.stages() {
        let _ = write!(stages, "{} {milliseconds:.3}, ", stage.word());
    }
    let operation = record.operation().word();
    tracing::warn!(
        target: "diglot::slow",
        %method,
        route = route(path),
        front = record.front(),
        operation,
        shape = record.shape(),
        plan = record.plan(),
        role = record.role(),
        status,
        ms = (milliseconds * 1e3).round() / 1e3,
        stages = stages.trim_end_matches(", "),
        id,
        "slow"
    );
}

/// A path with names and values of whoever asks as `{}`: there are only so many of these.
fn route(path: &str) -> String {
    let mut text = String::with_capacity(path.len().min(64));
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    for segment in segments.by_ref().take(SEGMENTS) {
        text.push('/');
        text.push_str(OWN.iter().find(|own| **own == segment).unwrap_or(&"{}"));
    }
    if segments.next().is_some() {
        text.push_str("/…");
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_hold_no_word_of_whoever_asks() {
        for (path, expected) in [
            ("/", "/"),
            ("/graphql", "/graphql"),
            ("/api/posts/7", "/api/{}/{}"),
            ("/api/records/v1/posts/7", "/api/records/v1/{}/{}"),
            ("/api//secret%20token", "/api/{}"),
            ("/a/b/c/d/e/f/g/h", "/{}/{}/{}/{}/{}/{}/{}/{}"),
            ("/a/b/c/d/e/f/g/h/i/j", "/{}/{}/{}/{}/{}/{}/{}/{}/…"),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }
}
