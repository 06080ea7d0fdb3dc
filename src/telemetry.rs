//! What operators see: logs, counters, traces, how long stages take.
//!
//! Logs are text or one JSON object per line, on standard error, filtered by `DIGLOT_LOG`. Lines are written by a thread of
//! their own, many at once under load, so that no request waits for a terminal.

mod export;
mod meters;
mod record;

pub use export::{answered, request_span};
pub use meters::{CacheReading, InFlight, Meters, Reading, Readings, enable as count, meters};
pub use record::{Operation, Record, Stage, TARGET as STAGES, Timing, Wanted, note, stage, timed};

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, filter};

/// Lines that may wait; more are dropped and counted.
const WAITING: usize = 8192;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Writes what is still waiting when it is dropped.
pub struct Guard {
    lines: Option<Lines>,
    thread: Option<JoinHandle<()>>,
    exporter: Option<export::Exporter>,
}

/// Where traces go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Traces {
    /// Nowhere.
    #[default]
    Off,
    /// To this base URL of a collector.
    To(String),
    /// Where the environment's `OTEL_EXPORTER_OTLP_…` say.
    Environment,
}

impl Traces {
    /// What a configured endpoint and the environment come to.
    #[must_use]
    pub fn of(endpoint: Option<&str>) -> Self {
        let said = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
        if std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
            return Self::Off;
        }
        match endpoint {
            Some(endpoint) => Self::To(endpoint.to_owned()),
            None if said("OTEL_EXPORTER_OTLP_ENDPOINT") || said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") => {
                Self::Environment
            }
            None => Self::Off,
        }
    }
}

/// Starts logging, and sending traces. What `DIGLOT_LOG` says (such as `debug` or `warn,diglot::access=info`) wins over
/// `default`.
///
/// # Errors
/// When `DIGLOT_LOG` cannot be read as a filter, or traces cannot be sent as it is said.
pub fn start(format: Format, default: &str, traces: &Traces) -> Result<Guard, String> {
    let filter = match std::env::var("DIGLOT_LOG") {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .map_err(|error| format!("DIGLOT_LOG: {error}; for example: info, or warn,diglot::access=info"))?,
        _ => EnvFilter::new(default),
    };
    let (sender, receiver) = sync_channel(WAITING);
    let lines = Lines {
        sender,
        lost: Arc::default(),
    };
    let lost = Arc::clone(&lines.lost);
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_all(&receiver, &lost))
        .map_err(|error| format!("the log's thread cannot start: {error}"))?;
    let exporter = match traces {
        Traces::Off => None,
        Traces::To(endpoint) => Some(export::Exporter::new(Some(endpoint))),
        Traces::Environment => Some(export::Exporter::new(None)),
    };
    let exporter = exporter
        .transpose()
        .map_err(|error| format!("traces cannot be sent: {error}"))?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let written = tracing_subscriber::fmt::layer()
        .with_writer(lines.clone())
        .with_ansi(format == Format::Text && colours);
    let written = match format {
        Format::Text => written.boxed(),
        Format::Json => written.json().flatten_event(true).boxed(),
    };
    let set = match &exporter {
        // A filter for all, as long as there is one reader.
        None => tracing::subscriber::set_global_default(tracing_subscriber::registry().with(written).with(filter)),
        Some(exporter) => {
            let spans = tracing_opentelemetry::layer()
                .with_tracer(exporter.tracer())
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false);
            let only = filter::Targets::new().with_target(record::TARGET, LevelFilter::TRACE);
            let both = tracing_subscriber::registry()
                .with(written.with_filter(filter))
                .with(spans.with_filter(only));
            tracing::subscriber::set_global_default(both)
        }
    };
    set.map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("a panic");
        tracing::error!(target: "diglot::panic", place, "{message}");
    }));
    Ok(Guard {
        lines: Some(lines),
        thread: Some(thread),
        exporter,
    })
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.exporter.take());
        // The subscriber keeps a sender for ever, so the thread is told the end by an empty line.
        if let Some(lines) = self.lines.take() {
            let _ = lines.sender.try_send(Vec::new());
        }
        if let Some(thread) = self.thread.take() {
            // A terminal that takes nothing must not keep the process alive.
            for _ in 0..100 {
                if thread.is_finished() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Hands lines to the thread.
#[derive(Clone)]
struct Lines {
    sender: SyncSender<Vec<u8>>,
    lost: Arc<AtomicU64>,
}

struct Line<'a> {
    lines: &'a Lines,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            bytes: Vec::new(),
        }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() && self.lines.sender.try_send(bytes).is_err() {
            self.lines.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(receiver: &Receiver<Vec<u8>>, lost: &AtomicU64) {
    let mut batch = Vec::new();
    loop {
        let mut ended = match receiver.recv_timeout(Duration::from_secs(60)) {
            Ok(line) => {
                batch.extend_from_slice(&line);
                line.is_empty()
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        while !ended && batch.len() < 64 * 1024 {
            match receiver.try_recv() {
                Ok(line) => {
                    batch.extend_from_slice(&line);
                    ended = line.is_empty();
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => ended = true,
            }
        }
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            batch.extend_from_slice(
                format!("{{\"level\":\"WARN\",\"message\":\"{missing} log lines lost\"}}\n").as_bytes(),
            );
        }
        // Nobody can be told that the log cannot be written.
        let _ = io::stderr().lock().write_all(&batch);
        batch.clear();
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_lines_are_counted_not_waited_for() {
        let (sender, receiver) = sync_channel(2);
        let lines = Lines {
            sender,
            lost: Arc::default(),
        };
        for _ in 0..5 {
            let _ = lines.make_writer().write_all(b"line\n");
        }
        assert_eq!(lines.lost.load(Ordering::Relaxed), 3);
        assert_eq!(receiver.try_iter().count(), 2);
    }
}
