//! One event for every statement that a read sends, so that an operator can see and count them: target
//! `diglot::statement`, level debug, within the span of its request, whose id it bears.

use super::Rows;
use std::time::Instant;
use tracing::Level;

const TARGET: &str = "diglot::statement";

/// A statement under way. Costs nothing where nobody listens.
pub(super) struct Told(Option<Instant>);

impl Told {
    pub(super) fn begin() -> Self {
        Self(tracing::enabled!(target: TARGET, Level::DEBUG).then(Instant::now))
    }

    /// How it ended: with rows, or not. One that failed may be sent again, and is then told again.
    pub(super) fn end<E>(self, outcome: &Result<Rows, E>) {
        let Some(begin) = self.0 else { return };
        let ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        match outcome {
            Ok(rows) => {
                tracing::debug!(target: TARGET, ms, rows = rows.count, bytes = rows.bytes(), "done");
            }
            Err(_) => tracing::debug!(target: TARGET, ms, "given up"),
        }
    }
}
