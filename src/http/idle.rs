//! How long a connection has had nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The requests of one connection: how many are being answered, and when the last one ended.
#[derive(Debug)]
pub(super) struct Idle {
    opened: Instant,
    running: AtomicUsize,
    /// Milliseconds since it was opened.
    last: AtomicU64,
}

/// A request that is being answered; dropped, it has ended, however it did.
pub(super) struct Busy(Arc<Idle>);

impl Idle {
    /// Of a connection that has just been opened.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            running: AtomicUsize::new(0),
            last: AtomicU64::new(0),
        })
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn since(&self) -> Instant {
        self.opened + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Done when there has been nothing to do for so long.
    pub(super) async fn passed(&self, limit: Duration) {
        loop {
            let end = self.since() + limit;
            if Instant::now() < end {
                tokio::time::sleep_until(end).await;
            } else if self.running.load(Ordering::Relaxed) == 0 {
                return;
            } else {
                tokio::time::sleep(limit).await;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
