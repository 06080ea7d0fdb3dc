//! Logs: text or one JSON object per line, on standard error, filtered by `DIGLOT_LOG`.
//!
//! Lines are written by a thread of their own, many at once under load, so that no request waits for a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

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
}

/// Starts logging. What `DIGLOT_LOG` says (such as `debug` or `warn,diglot::access=info`) wins over `default`.
///
/// # Errors
/// When `DIGLOT_LOG` cannot be read as a filter.
pub fn start(format: Format, default: &str) -> Result<Guard, String> {
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
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone());
    let set = match format {
        Format::Text => {
            let colours =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            tracing::subscriber::set_global_default(builder.with_ansi(colours).finish())
        }
        Format::Json => tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish()),
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
    })
}

impl Drop for Guard {
    fn drop(&mut self) {
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
