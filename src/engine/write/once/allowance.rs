//! How much one caller may have kept for keys: so much at once, and then as much again in a day, in a steady flow. So what one
//! caller has in the table is bounded, however many keys they make.

use super::CALLER;
use super::rows::LIFE;
use crate::error::{Code, Error, Kind};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most bytes of one caller, as one process counts.
const MOST: u64 = 100 * 1024 * 1024;

/// What a row takes beside its outcome.
const ROW: u64 = 256;

/// The bytes that an outcome takes in the table.
pub(super) fn size(outcome: &str) -> u64 {
    outcome.len() as u64 + ROW
}

/// What was kept of late, by caller.
#[derive(Default)]
pub(super) struct Allowance {
    spent: HashMap<[u8; CALLER], (u64, Instant)>,
}

impl Allowance {
    /// Bytes that may be kept for a caller now.
    pub(super) fn left(&self, caller: [u8; CALLER]) -> u64 {
        MOST.saturating_sub(self.spent.get(&caller).map_or(0, standing))
    }

    /// Counts bytes that are kept.
    pub(super) fn spend(&mut self, caller: [u8; CALLER], bytes: u64) {
        let spent = self.spent.entry(caller).or_insert((0, Instant::now()));
        *spent = (standing(spent) + bytes, Instant::now());
    }

    /// Forgets callers who have all of it again.
    pub(super) fn tidy(&mut self) {
        self.spent.retain(|_, spent| standing(spent) > 0);
    }
}

/// What is left of a number of bytes that were counted a while ago.
fn standing((bytes, at): &(u64, Instant)) -> u64 {
    bytes.saturating_sub(given_back(at.elapsed()))
}

fn given_back(elapsed: Duration) -> u64 {
    let back = elapsed.as_millis().saturating_mul(u128::from(MOST)) / u128::from(LIFE.unsigned_abs());
    u64::try_from(back).unwrap_or(u64::MAX)
}

/// The caller has kept too much.
pub(super) fn exceeded() -> Error {
    let message = format!(
        "what your writes with an Idempotency-Key gave in the last hours takes more than the {} MB that are kept for one caller; \
         nothing has happened: ask for less of the rows back, send it without the header, or try again later",
        MOST / 1024 / 1024
    );
    Error::new(Kind::TooMany, Code::LIMIT_EXCEEDED, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_so_much_and_gets_it_back_in_a_day() {
        let (one, other) = ([1; CALLER], [2; CALLER]);
        let mut allowance = Allowance::default();
        assert_eq!(allowance.left(one), MOST);
        allowance.spend(one, MOST - size(""));
        assert!((size("")..size("") + 1024 * 1024).contains(&allowance.left(one)));
        allowance.spend(one, MOST);
        assert_eq!((allowance.left(one), allowance.left(other)), (0, MOST));
        allowance.tidy();
        assert_eq!((allowance.left(one), allowance.spent.len()), (0, 1));
        let day = Duration::from_millis(LIFE.unsigned_abs());
        assert_eq!(given_back(day), MOST);
        assert_eq!(given_back(day / 4), MOST / 4);
        allowance.spend(other, 0);
        allowance.tidy();
        assert_eq!(allowance.spent.len(), 1, "who has all of it again is forgotten");
        assert_eq!(exceeded().kind, Kind::TooMany);
    }
}
