//! Traces for OpenTelemetry: the spans of requests and their stages go out in batches, as OTLP over HTTP, from a thread of the
//! library's own. Sampling, resource attributes, batches and headers are set by the environment's standard `OTEL_*` variables.

use super::record::{Record, TARGET};
use axum::http::{HeaderMap, Method};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::sync::OnceLock;
use std::time::Duration;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The service's name where the environment has none.
const SERVICE: &str = "diglot";

/// Most time for sending a batch.
const SENDING: Duration = Duration::from_secs(10);

/// Most time for sending what is left at the end.
const LAST: Duration = Duration::from_secs(3);

static PROPAGATOR: OnceLock<TraceContextPropagator> = OnceLock::new();

/// Sends spans. The last ones go out when it is dropped.
pub(super) struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// To the base URL of a collector, below which traces go to `/v1/traces`; `None` takes it from the environment.
    pub(super) fn new(endpoint: Option<&str>) -> Result<Self, String> {
        let mut builder = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')));
        }
        let exporter = builder.build().map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        PROPAGATOR.get_or_init(TraceContextPropagator::new);
        Ok(Self { provider })
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.provider.tracer(SERVICE)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // A collector that is away must not keep the process alive, and nobody is left to be told.
        let _ = self.provider.shutdown_with_timeout(LAST);
    }
}

/// What the environment says of this process, and its name where it says none.
fn resource() -> Resource {
    let said = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let attributes = std::env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let builder = Resource::builder();
    if said("OTEL_SERVICE_NAME") || attributes.split(',').any(|one| one.trim().starts_with("service.name=")) {
        builder.build()
    } else {
        builder.with_service_name(SERVICE).build()
    }
}

/// The span of a request, below the caller's own where it names one; none where spans go nowhere.
#[must_use]
pub fn request_span(method: &Method, headers: &HeaderMap, route: impl FnOnce() -> String) -> Span {
    let Some(propagator) = PROPAGATOR.get() else {
        return Span::none();
    };
    let route = route();
    let span = tracing::trace_span!(
        target: TARGET,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method.as_str(),
        http.response.status_code = tracing::field::Empty,
        http.route = route,
        diglot.id = tracing::field::Empty,
        diglot.front = tracing::field::Empty,
        diglot.operation = tracing::field::Empty,
        diglot.role = tracing::field::Empty,
        diglot.shape = tracing::field::Empty,
        diglot.plan = tracing::field::Empty,
    );
    // Whatever names no trace begins one.
    let _ = span.set_parent(propagator.extract(&HeaderExtractor(headers)));
    // The sampler decides here: what it leaves out costs no span for each stage.
    if span.context().span().span_context().is_sampled() {
        span
    } else {
        Span::none()
    }
}

/// What is known of a request when it is answered.
pub fn answered(span: &Span, record: &Record, id: &str, status: u16) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status);
    span.record("diglot.id", id);
    span.record("diglot.front", record.front());
    span.record("diglot.operation", record.operation().word());
    span.record("diglot.role", record.role());
    if let Some(shape) = record.shape() {
        span.record("diglot.shape", shape);
    }
    if let Some(plan) = record.plan() {
        span.record("diglot.plan", plan);
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Sends a batch. It runs on the exporter's thread, which waits for it, so it has a runtime of its own: the server's may be
/// busy, or gone already.
#[derive(Debug)]
struct Client {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Client {
    fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // A connection that nobody looks after between two batches is not kept.
        let client = reqwest::Client::builder()
            .timeout(SENDING)
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Self {
            runtime: runtime.map_err(|error| error.to_string())?,
            client: client.map_err(|error| error.to_string())?,
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        self.runtime.block_on(async {
            let response = self.client.execute(request).await?;
            let mut answer = Response::builder().status(response.status());
            if let Some(headers) = answer.headers_mut() {
                headers.clone_from(response.headers());
            }
            Ok(answer.body(response.bytes().await?)?)
        })
    }
}
