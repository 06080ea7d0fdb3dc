//! One event for every statement that is sent, so that an operator can see and count them: target `diglot::statement`, level
//! debug, within the span of its request, whose id it bears. Of writes the text of each statement, too, level trace: what
//! they are depends on the rows that they meet.

use super::Rows;
use super::session::Changed;
use crate::sql::Statement;
use crate::telemetry::meters;
use std::time::Instant;
use tracing::Level;

const TARGET: &str = "diglot::statement";

/// A statement under way. Costs nothing where nobody listens.
pub(super) struct Told(Option<Instant>);

impl Told {
    pub(super) fn begin() -> Self {
        let wanted = meters().is_some() || tracing::enabled!(target: TARGET, Level::DEBUG);
        Self(wanted.then(Instant::now))
    }

    /// How it ended: with rows, or not. One that failed may be sent again, and is then told again.
    pub(super) fn end<E>(self, outcome: &Result<Rows, E>) {
        let Some(begin) = self.0 else { return };
        let ms = milliseconds(begin, outcome.is_ok());
        match outcome {
            Ok(rows) => {
                tracing::debug!(target: TARGET, ms, rows = rows.count, bytes = rows.bytes(), "done");
            }
            Err(_) => tracing::debug!(target: TARGET, ms, "given up"),
        }
    }

    /// How a statement within a transaction ended, which ran so many times.
    pub(super) fn end_change<E>(self, outcome: &Result<Changed, E>, times: usize) {
        let Some(begin) = self.0 else { return };
        let ms = milliseconds(begin, outcome.is_ok());
        match outcome {
            Ok(changed) => tracing::debug!(target: TARGET, ms, times, changed = changed.count, "done"),
            Err(_) => tracing::debug!(target: TARGET, ms, times, "given up"),
        }
    }
}

/// How long a statement took, which is counted here.
fn milliseconds(begin: Instant, done: bool) -> f64 {
    let took = begin.elapsed();
    if let Some(meters) = meters() {
        meters.statement(took, done);
    }
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// A statement of a write is sent.
pub(super) fn sent(statement: &Statement) {
    tracing::trace!(target: TARGET, sql = statement.text(), "sent");
}
