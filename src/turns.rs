//! Places for what can happen only so many times at once, and a queue before them that has an end: whoever comes when it is
//! full is told so at once, instead of waiting for nothing and holding memory meanwhile.

use crate::error::{Code, Error, Kind, Result};
use crate::telemetry::Reading;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places, and who waits for them.
#[derive(Debug)]
pub struct Turns {
    name: &'static str,
    places: Arc<Semaphore>,
    all: usize,
    waiting: AtomicUsize,
    /// Most that wait.
    queue: usize,
}

/// One who waits; counted until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// So many places, before which so many may wait.
    #[must_use]
    pub fn new(name: &'static str, places: usize, queue: usize) -> Self {
        Self {
            name,
            places: Arc::new(Semaphore::new(places)),
            all: places,
            waiting: AtomicUsize::new(0),
            queue,
        }
    }

    /// A place, if there is one by then.
    ///
    /// # Errors
    /// [`Kind::Unavailable`]: the queue is full (at once), or the time is up.
    pub async fn take(&self, until: Instant) -> Result<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.queue {
            return Err(refused(Code::OVERLOADED));
        }
        match tokio::time::timeout_at(until.into(), Arc::clone(&self.places).acquire_owned()).await {
            Ok(place) => place.map_err(Error::internal),
            Err(_) => Err(refused(Code::DATABASE_AWAY)),
        }
    }

    /// The places themselves, for whoever waits in another way.
    #[must_use]
    pub fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// Places that are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// How many places are taken, how many there are, and how many wait.
    #[must_use]
    pub fn readings(&self) -> [Reading; 3] {
        let of = |state, number: usize| (vec![("queue", self.name), ("state", state)], number as u64);
        [
            of("taken", self.all.saturating_sub(self.free())),
            of("all", self.all),
            of("waiting", self.waiting.load(Ordering::Relaxed)),
        ]
    }
}

fn refused(code: Code) -> Error {
    let message = "too many requests are waiting for the same; try again later";
    Error::new(Kind::Unavailable, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let turns = Arc::new(Turns::new("test", 1, 2));
        let far = Instant::now() + Duration::from_secs(600);
        let place = turns.take(far).await.unwrap();
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move { turns.take(far).await.map(drop) })
            })
            .collect();
        while turns.readings()[2].1 < 2 {
            tokio::task::yield_now().await;
        }
        let error = turns.take(far).await.unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::OVERLOADED));
        assert_eq!(turns.readings().map(|(_, number)| number), [1, 1, 2]);
        drop(place);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert_eq!(turns.readings().map(|(_, number)| number), [0, 1, 0]);
    }

    #[tokio::test]
    async fn who_leaves_no_longer_waits() {
        let turns = Turns::new("test", 1, 1);
        let _place = turns.take(Instant::now()).await.unwrap();
        let until = Instant::now() + Duration::from_millis(5);
        for _ in 0..3 {
            let error = turns.take(until).await.unwrap_err();
            assert_eq!(error.code, Code::DATABASE_AWAY, "it was not full");
        }
        assert_eq!(turns.readings()[2].1, 0);
    }
}
