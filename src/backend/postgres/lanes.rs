//! Slow statements hold at most half of the connections.
//!
//! Which are slow shows when they run, and is remembered by their text. What has not shown yet that it is quick counts as
//! slow, and so does, always, what may take long by the values that come with it (`Statement::has_long_calls`): else new
//! texts or other values would be a way round. So whoever repeats what takes long, in whatever form, leaves the other half
//! to those who ask what is known to be quick.

use crate::sql::Statement;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// A statement that takes longer is slow.
const SLOW: Duration = Duration::from_millis(100);

/// Time for which a slow statement stays one, however quick it is in between.
const STAYS: Duration = Duration::from_secs(60);

/// Texts that are remembered. Of the quick ones those that were not used of late are forgotten.
const REMEMBERED: usize = 8192;

/// What is known of statements, and the places of the slow ones.
pub(super) struct Lanes {
    pub(super) slow: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Used since the last turn, and in the turn before.
    quick: HashSet<u64>,
    earlier: HashSet<u64>,
    slow: HashMap<u64, Instant>,
}

impl Lanes {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            slow: Arc::new(Semaphore::new((connections / 2).max(1))),
            known: Mutex::default(),
        }
    }

    /// Whether a statement needs a place among the slow ones.
    pub(super) fn is_slow(&self, statement: &Statement) -> bool {
        if statement.has_long_calls() {
            return true;
        }
        let key = key(statement);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.earlier.remove(&key) {
            known.remember(key);
        }
        !known.quick.contains(&key)
    }

    /// Remembers how long a statement took.
    pub(super) fn learn(&self, statement: &Statement, time: Duration) {
        let key = key(statement);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if time > SLOW {
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
        }
    }
}

impl Known {
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
    use super::{Lanes, REMEMBERED, SLOW};
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
        assert!(lanes.is_slow(&one), "nothing is known of it");
        for quick in [&one, &pattern] {
            lanes.learn(quick, Duration::ZERO);
        }
        assert!(!lanes.is_slow(&one));
        assert!(lanes.is_slow(&pattern), "another value may take long");
        lanes.learn(&one, 2 * SLOW);
        lanes.learn(&one, Duration::ZERO);
        assert!(lanes.is_slow(&one), "it was slow just now");
        // What is used is not forgotten for what is new.
        let used = statement("SELECT 3");
        lanes.learn(&used, Duration::ZERO);
        for number in 0..3 * REMEMBERED {
            lanes.learn(&statement(&number.to_string()), Duration::ZERO);
            assert!(number % 1000 > 0 || !lanes.is_slow(&used), "{number}");
        }
        assert!(lanes.is_slow(&statement("0")));
    }
}
