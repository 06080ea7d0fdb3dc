//! Slow statements hold at most a third of the connections.
//!
//! Which are slow shows when they run, and is remembered by their text; slow is, always, what may take long by the values
//! that come with it (`Statement::has_long_calls`). What has not run yet has places of its own, a fifth of the connections,
//! and goes over to the slow ones when it has run for a while: so new texts are no way round, and what is asked for the
//! first time does not wait behind what is slow. Streams have at most half of the connections for themselves.

use super::pool::QUEUE;
use crate::sql::Statement;
use crate::turns::Turns;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

/// A statement that takes longer is slow.
const SLOW: Duration = Duration::from_millis(100);

/// What a slow run counts against a statement that was quick so far, each quick run taking one off again.
const STRIKE: u32 = 16;

/// So much makes a quick statement slow. A busy machine delays any statement now and then: one run says nothing, and one in
/// sixteen does. (One that is taken for slow has a third of the connections, so a single delay would slow all of its callers.)
const OUT: u32 = 3 * STRIKE;

/// Time for which a slow statement stays one, however quick it is in between.
const STAYS: Duration = Duration::from_secs(60);

/// Texts that are remembered. Of the quick ones those that were not used of late are forgotten.
const REMEMBERED: usize = 8192;

/// What is known of statements, and the places of the slow ones.
pub(super) struct Lanes {
    pub(super) slow: Turns,
    /// Of those of which nothing is known yet.
    pub(super) fresh: Turns,
    known: Mutex<Known>,
}

/// What is known of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// It is quick, and needs no place.
    Quick,
    /// Nothing yet.
    Fresh,
    /// It is slow, or may be by the values that come with it.
    Slow,
}

/// A statement's place, free again when it is dropped.
pub(super) enum Place {
    /// Among the slow ones.
    Slow {
        /// The place.
        _permit: OwnedSemaphorePermit,
    },
    /// Among those who write.
    Writing {
        /// The place.
        _permit: OwnedSemaphorePermit,
    },
    /// Among the fresh ones, and later among the slow.
    Passing(AbortHandle),
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Passing(passing) = self {
            passing.abort();
        }
    }
}

#[derive(Default)]
struct Known {
    /// Used since the last turn, and in the turn before.
    quick: HashSet<u64>,
    earlier: HashSet<u64>,
    slow: HashMap<u64, Instant>,
    /// What counts against quick ones.
    strikes: HashMap<u64, u32>,
}

impl Lanes {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            slow: Turns::new("slow", (connections / 3).max(1), QUEUE),
            fresh: Turns::new("fresh", (connections / 5).max(1), QUEUE),
            known: Mutex::default(),
        }
    }

    /// Among which a statement needs a place.
    pub(super) fn lane(&self, statement: &Statement) -> Lane {
        if statement.has_long_calls() {
            return Lane::Slow;
        }
        let key = key(statement);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.earlier.remove(&key) {
            known.remember(key);
        }
        if known.quick.contains(&key) {
            Lane::Quick
        } else if known.slow.contains_key(&key) {
            Lane::Slow
        } else {
            Lane::Fresh
        }
    }

    /// The place of a statement of which nothing is known: when it has shown to be slow it goes over to the slow ones as
    /// soon as there is room, so that what is asked for the first time need not wait for it.
    pub(super) fn passing(&self, fresh: OwnedSemaphorePermit) -> Place {
        let slow = Arc::clone(self.slow.places());
        let passing = tokio::spawn(async move {
            tokio::time::sleep(SLOW).await;
            let _slow = slow.acquire_owned().await;
            drop(fresh);
            std::future::pending::<()>().await;
        });
        Place::Passing(passing.abort_handle())
    }

    /// Remembers how long a statement took.
    pub(super) fn learn(&self, statement: &Statement, time: Duration) {
        let key = key(statement);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if time > SLOW {
            if known.quick.contains(&key) && known.strike(key) < OUT {
                return;
            }
            known.strikes.remove(&key);
            known.quick.remove(&key);
            known.earlier.remove(&key);
            if known.slow.len() >= REMEMBERED {
                known.slow.clear();
            }
            known.slow.insert(key, Instant::now());
        } else if !known.quick.contains(&key) {
            if known.slow.get(&key).is_some_and(|since| since.elapsed() < STAYS) {
                return;
            }
            known.slow.remove(&key);
            known.remember(key);
        } else if !known.strikes.is_empty() {
            known.forgive(key);
        }
    }
}

impl Known {
    /// Counts a slow run against a quick statement.
    fn strike(&mut self, key: u64) -> u32 {
        if self.strikes.len() >= REMEMBERED {
            self.strikes.clear();
        }
        let strikes = self.strikes.entry(key).or_default();
        *strikes += STRIKE;
        *strikes
    }

    /// Counts a quick run for it.
    fn forgive(&mut self, key: u64) {
        if let Some(strikes) = self.strikes.get_mut(&key) {
            *strikes -= 1;
            if *strikes == 0 {
                self.strikes.remove(&key);
            }
        }
    }

    fn remember(&mut self, key: u64) {
        if self.quick.len() >= REMEMBERED {
            self.earlier = std::mem::take(&mut self.quick);
        }
        self.quick.insert(key);
    }
}

fn key(statement: &Statement) -> u64 {
    let mut hasher = DefaultHasher::new();
    statement.text().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Lane, Lanes, REMEMBERED, SLOW, STRIKE};
    use crate::sql::{Shape, Statement};
    use std::time::Duration;

    fn statement(text: &str) -> Statement {
        let shape = Shape {
            outputs: Vec::new(),
            total: None,
            present: None,
            cursor: Vec::new(),
            reversed: false,
        };
        Statement::for_tests(text, Vec::new(), shape)
    }

    #[test]
    fn what_is_quick_shows() {
        let lanes = Lanes::new(4);
        let (one, pattern) = (statement("SELECT 1"), statement("SELECT 2").with_long_calls());
        assert_eq!(lanes.lane(&one), Lane::Fresh, "nothing is known of it");
        for quick in [&one, &pattern] {
            lanes.learn(quick, Duration::ZERO);
        }
        assert_eq!(lanes.lane(&one), Lane::Quick);
        assert_eq!(lanes.lane(&pattern), Lane::Slow, "another value may take long");
        // A busy machine delays any statement now and then.
        for _ in 0..100 {
            lanes.learn(&one, 2 * SLOW);
            for _ in 0..STRIKE {
                lanes.learn(&one, Duration::ZERO);
            }
        }
        assert_eq!(lanes.lane(&one), Lane::Quick, "one run in seventeen");
        for _ in 0..3 {
            assert_eq!(lanes.lane(&one), Lane::Quick);
            lanes.learn(&one, 2 * SLOW);
        }
        lanes.learn(&one, Duration::ZERO);
        assert_eq!(lanes.lane(&one), Lane::Slow, "it was slow just now, again and again");
        let other = statement("SELECT 4");
        lanes.learn(&other, 2 * SLOW);
        assert_eq!(lanes.lane(&other), Lane::Slow, "it was never quick");
        // What is used is not forgotten for what is new.
        let used = statement("SELECT 3");
        lanes.learn(&used, Duration::ZERO);
        for number in 0..3 * REMEMBERED {
            lanes.learn(&statement(&number.to_string()), Duration::ZERO);
            assert!(number % 1000 > 0 || lanes.lane(&used) == Lane::Quick, "{number}");
        }
        assert_eq!(lanes.lane(&statement("0")), Lane::Fresh);
    }
}
