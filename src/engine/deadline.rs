//! The time that a request has, and what is told when it is up: a write that has begun goes on.

use crate::error::{Code, Error, Kind, Result};
use std::cell::Cell;
use std::pin::pin;
use std::time::Instant;

/// What a request is doing.
#[derive(Clone, Copy, Default)]
enum Doing {
    /// Nothing that would stay.
    #[default]
    Reading,
    /// A write that goes on without it.
    Writing,
    /// The same, with a key by which it happens once.
    WritingOnce,
}

tokio::task_local! {
    static DOING: Cell<Doing>;
}

/// What is done by the deadline, or the error that the caller is told instead.
///
/// # Errors
/// The time is up: [`Code::TIMEOUT`], or [`Code::UNKNOWN_OUTCOME`] while a write is under way.
pub async fn in_time<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T> {
    let mut work = pin!(DOING.scope(Cell::default(), work));
    match tokio::time::timeout_at(deadline.into(), work.as_mut()).await {
        Ok(done) => Ok(done),
        Err(_) => Err(match work.take_value().map(Cell::into_inner).unwrap_or_default() {
            Doing::Reading => late(),
            Doing::Writing => unknown("look whether it has happened before sending it again"),
            Doing::WritingOnce => unknown("send it again with the same Idempotency-Key, and it happens once"),
        }),
    }
}

/// The error of a request whose time is up.
#[must_use]
pub fn late() -> Error {
    let message = "the request took too long; ask for less, or try again later";
    Error::new(Kind::Unavailable, Code::TIMEOUT, message)
}

fn unknown(advice: &str) -> Error {
    let message = format!("the write took too long to wait for, and goes on; {advice}");
    Error::new(Kind::Unavailable, Code::UNKNOWN_OUTCOME, message)
}

/// What goes on where the request ends before it.
pub(super) async fn goes_on<T>(once: bool, work: impl Future<Output = T>) -> T {
    tell(if once { Doing::WritingOnce } else { Doing::Writing });
    let done = work.await;
    tell(Doing::Reading);
    done
}

fn tell(doing: Doing) {
    // Work that no request waits for (commands, tests) has nobody to tell.
    let _ = DOING.try_with(|own| own.set(doing));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_write_that_goes_on_is_not_called_undone() {
        let long = || tokio::time::sleep(Duration::from_secs(60));
        let soon = || Instant::now() + Duration::from_millis(20);
        let code = |done: Result<()>| done.map_err(|error| (error.code, error.retry_after()));
        let reading = in_time(soon(), long()).await;
        assert_eq!(code(reading), Err((Code::TIMEOUT, Some("1"))));
        let writing = in_time(soon(), goes_on(false, long())).await;
        assert_eq!(code(writing), Err((Code::UNKNOWN_OUTCOME, None)));
        let written = in_time(soon(), async {
            goes_on(false, async {}).await;
            long().await;
        });
        assert_eq!(code(written.await), Err((Code::TIMEOUT, Some("1"))));
        let once = in_time(soon(), goes_on(true, long())).await;
        assert!(once.is_err_and(|error| error.message.contains("Idempotency-Key")));
    }
}
