//! What is counted, for `/metrics`. Labels take their values from fixed lists alone: fronts, kinds of operations, statuses,
//! codes of errors. So there are as many series on the thousandth day as on the first.
//!
//! Nothing is counted before [`enable`]. What has a state of its own (pools, queues, caches) is not counted here but looked at
//! when somebody asks, as [`Readings`].

use super::record::{Operation, Record};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bounds of the histograms, in seconds.
const BUCKETS: [f64; 15] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

static METERS: OnceLock<Meters> = OnceLock::new();

/// The counters of this process.
pub struct Meters {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Kind, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    abandoned: Counter,
    errors: Family<Failure, Counter>,
    statements: Family<Statement, Counter>,
    statement_durations: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    front: &'static str,
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    front: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Statement {
    outcome: &'static str,
}

/// The counters, where they count.
#[must_use]
pub fn meters() -> Option<&'static Meters> {
    METERS.get()
}

/// Begins to count.
pub fn enable() {
    METERS.get_or_init(Meters::new);
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Meters {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("diglot");
        let started = Gauge::<i64>::default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        started.set(i64::try_from(now.as_secs()).unwrap_or_default());
        registry.register_with_unit("start_time", "When counting began, since 1970", Unit::Seconds, started);
        let version = Family::<[(&str, &str); 1], Gauge>::default();
        version.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build", "Which Diglot this is", version);
        Self {
            requests: counted(&mut registry, "requests", "Requests that were answered"),
            durations: {
                let help = "From a request's headers to the head of its answer";
                let family = Family::<Kind, Histogram, fn() -> Histogram>::new_with_constructor(histogram);
                registry.register_with_unit("request_duration", help, Unit::Seconds, family.clone());
                family
            },
            in_flight: counted(
                &mut registry,
                "requests_in_flight",
                "Requests that are not answered yet",
            ),
            abandoned: counted(
                &mut registry,
                "requests_abandoned",
                "Requests whose callers left before an answer",
            ),
            errors: counted(&mut registry, "errors", "Reads and writes that were refused or failed"),
            statements: counted(&mut registry, "statements", "Statements that were sent to the database"),
            statement_durations: {
                let help = "How long statements took; a stream until its last row was taken";
                let histogram = histogram();
                registry.register_with_unit("statement_duration", help, Unit::Seconds, histogram.clone());
                histogram
            },
            registry,
        }
    }

    /// A statement was sent.
    pub fn statement(&self, took: Duration, done: bool) {
        let outcome = if done { "done" } else { "given_up" };
        self.statements.get_or_create(&Statement { outcome }).inc();
        self.statement_durations.observe(took.as_secs_f64());
    }

    /// A read or write was refused or failed.
    pub fn failed(&self, code: &'static str) {
        self.errors.get_or_create(&Failure { code }).inc();
    }

    /// A request has begun.
    pub fn begin(&'static self) -> InFlight {
        self.in_flight.inc();
        InFlight {
            meters: self,
            answered: false,
        }
    }

    fn answered(&self, record: &Record, status: u16, took: Duration) {
        let front = record.front();
        let operation = Operation::word(record.operation());
        let request = Request {
            front,
            operation,
            status,
        };
        self.requests.get_or_create(&request).inc();
        self.durations
            .get_or_create(&Kind { front, operation })
            .observe(took.as_secs_f64());
    }

    /// All of it with what was read just now, in the text form of OpenMetrics, which Prometheus reads.
    ///
    /// # Errors
    /// Never, as text takes everything.
    pub fn text(&self, readings: Readings) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &readings.finish())?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

fn counted<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// A request that is not answered yet. Dropped before, nobody waits for it any more.
#[must_use]
pub struct InFlight {
    meters: &'static Meters,
    answered: bool,
}

impl InFlight {
    /// It was answered.
    pub fn answered(mut self, record: &Record, status: u16, took: Duration) {
        self.answered = true;
        self.meters.answered(record, status, took);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.meters.in_flight.dec();
        if !self.answered {
            self.meters.abandoned.inc();
        }
    }
}

/// What has a state of its own, as it is at this moment.
pub struct Readings {
    registry: Registry,
    queues: Vec<Reading>,
    caches: Vec<CacheReading>,
}

/// A value with its labels.
pub type Reading = (Vec<(&'static str, &'static str)>, u64);

/// What a cache says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheReading {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub entries: usize,
    /// Bytes of it, estimated; where it is bounded by its entries, these.
    pub weight: u64,
    /// Times that something was found.
    pub hits: u64,
    /// Times that it was not.
    pub misses: u64,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            registry: Registry::with_prefix("diglot"),
            queues: Vec::new(),
            caches: Vec::new(),
        }
    }
}

impl Readings {
    /// What goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, readings: &[Reading]) {
        let family = Family::<Vec<(&str, &str)>, Gauge>::default();
        for (labels, value) in readings {
            family.get_or_create(labels).set(signed(*value));
        }
        self.registry.register(name, help, family);
    }

    /// Places for what happens only so many times at once, and who waits for them.
    pub fn queues(&mut self, readings: impl IntoIterator<Item = Reading>) {
        self.queues.extend(readings);
    }

    /// What caches say.
    pub fn caches(&mut self, caches: impl IntoIterator<Item = CacheReading>) {
        self.caches.extend(caches);
    }

    fn finish(mut self) -> Registry {
        let queues = std::mem::take(&mut self.queues);
        let help = "Places for what happens only so many times at once: taken, all, and who waits for one";
        self.gauge("queue", help, &queues);
        let entries = Family::<[(&str, &str); 1], Gauge>::default();
        let weights = Family::<[(&str, &str); 1], Gauge>::default();
        let hits = Family::<[(&str, &str); 1], Counter>::default();
        let misses = Family::<[(&str, &str); 1], Counter>::default();
        for cache in &self.caches {
            let labels = [("cache", cache.name)];
            entries.get_or_create(&labels).set(signed(cache.entries as u64));
            weights.get_or_create(&labels).set(signed(cache.weight));
            hits.get_or_create(&labels).inc_by(cache.hits);
            misses.get_or_create(&labels).inc_by(cache.misses);
        }
        let mut registry = self.registry;
        registry.register("cache_entries", "What a cache holds", entries);
        registry.register(
            "cache_weight",
            "Estimated bytes that a cache holds; of tokens their number",
            weights,
        );
        let help = "Times that something was found; of plans since the schema last changed";
        registry.register("cache_hits", help, hits);
        registry.register("cache_misses", "Times that something was not found", misses);
        registry
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for InFlight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InFlight")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::record::Wanted;

    #[test]
    fn what_is_counted_is_told() {
        let meters = Meters::new();
        let record = Record::new(Wanted::default());
        record.came_through("graphql");
        record.asks(Operation::Read);
        for _ in 0..3 {
            meters.answered(&record, 200, Duration::from_millis(3));
        }
        meters.statement(Duration::from_micros(40), true);
        meters.failed("timeout");
        let mut readings = Readings::default();
        readings.gauge(
            "places",
            "Places",
            &[(vec![("lane", "slow")], 4), (vec![("lane", "fresh")], 2)],
        );
        readings.caches([CacheReading {
            name: "plans",
            entries: 2,
            weight: 300,
            hits: 7,
            misses: 2,
        }]);
        let text = meters.text(readings).unwrap();
        for line in [
            "diglot_requests_total{front=\"graphql\",operation=\"read\",status=\"200\"} 3",
            "diglot_request_duration_seconds_bucket{le=\"0.0025\",front=\"graphql\",operation=\"read\"} 0",
            "diglot_request_duration_seconds_bucket{le=\"0.005\",front=\"graphql\",operation=\"read\"} 3",
            "diglot_statements_total{outcome=\"done\"} 1",
            "diglot_errors_total{code=\"timeout\"} 1",
            "diglot_places{lane=\"slow\"} 4",
            "diglot_cache_hits_total{cache=\"plans\"} 7",
            "# EOF",
        ] {
            assert!(text.lines().any(|own| own == line), "no {line} in\n{text}");
        }
    }
}
