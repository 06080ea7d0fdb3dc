//! `/metrics`: at an address of its own, or for whoever shows its token.

use super::answer;
use super::app::App;
use super::edge::{Edge, Exchange, Handler};
use crate::error::{Code, Error, Kind};
use crate::telemetry::{self, Readings};
use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The older form. What is written fits it as well: what it does not have stands in comments.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A token that opens `/metrics` at the fronts' own address, by its hash.
#[derive(Clone, Copy)]
pub struct MetricsToken([u8; 32]);

impl MetricsToken {
    /// The token itself.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether a request shows it.
    fn is_shown(self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return false;
        };
        let sent: [u8; 32] = Sha256::digest(token.trim()).into();
        scheme.eq_ignore_ascii_case("bearer") && bool::from(sent.ct_eq(&self.0))
    }

    /// The answer to whoever asks with these headers.
    pub(super) fn answer(self, app: &App, headers: &HeaderMap) -> Response {
        if self.is_shown(headers) {
            return metrics(app, headers);
        }
        let message = "metrics need their own token: Authorization: Bearer <[telemetry] metrics_token>";
        answer::error(Error::new(Kind::Unauthenticated, Code::UNAUTHENTICATED, message))
    }
}

/// Serves nothing but the metrics of another handler, to whoever asks.
pub struct Metrics(pub Arc<Edge<App>>);

impl Handler for Metrics {
    async fn respond(&self, exchange: Exchange) -> Response {
        if exchange.uri.path() != "/metrics" {
            let message = "nothing but /metrics is served at this address";
            return answer::error(Error::not_found(Code("not_found"), message));
        }
        if exchange.method != Method::GET {
            return answer::not_allowed("GET, HEAD");
        }
        metrics(self.0.handler(), &exchange.headers)
    }

    fn varies_by(&self) -> String {
        "accept".into()
    }
}

fn metrics(app: &App, headers: &HeaderMap) -> Response {
    let Some(meters) = telemetry::meters() else {
        return answer::error(Error::internal("metrics are asked for that are not counted"));
    };
    let mut readings = Readings::default();
    app.read_into(&mut readings);
    let text = match meters.text(readings) {
        Ok(text) => text,
        Err(error) => return answer::error(Error::internal(error)),
    };
    let open = headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("application/openmetrics-text"))
    });
    let mut response = answer::with_type(StatusCode::OK, if open { OPEN_METRICS } else { TEXT }, text);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
