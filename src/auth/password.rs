//! Passwords: Argon2id, off the threads that serve, so many at once and no more.

use crate::error::{Code, Error, Kind, Result};
use crate::telemetry::Reading;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// OWASP's recommendation: 19 MiB, two rounds, one lane.
const MEMORY: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Fewest characters.
const SHORTEST: usize = 8;
/// Most bytes.
const LONGEST: usize = 1024;

/// Most that wait for their turn; one more is told to come back later.
const WAITING: usize = 128;
/// Most time of waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes passwords and checks them.
pub(super) struct Passwords {
    /// Half of the processors: the others go on serving.
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// A hash of nobody's password, checked where there is no account, so that the time tells nothing.
    nobody: OnceCell<String>,
    /// How often the function has run.
    runs: AtomicU64,
}

/// What checking gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The password is right.
    pub(super) right: bool,
    /// Its hash was made with other parameters than today's.
    pub(super) outdated: bool,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let turns = turns();
        Self {
            turns: Arc::new(Semaphore::new(turns)),
            waiting: Arc::new(Semaphore::new(WAITING + turns)),
            nobody: OnceCell::new(),
            runs: AtomicU64::new(0),
        }
    }

    /// How many passwords are looked at, may be at once, and wait.
    pub(super) fn readings(&self) -> [Reading; 3] {
        let all = turns();
        let free = self.turns.available_permits().min(all);
        let within = (WAITING + all).saturating_sub(self.waiting.available_permits());
        let of = |state, number: usize| (vec![("queue", "passwords"), ("state", state)], number as u64);
        let taken = all - free;
        [
            of("taken", taken),
            of("all", all),
            of("waiting", within.saturating_sub(taken)),
        ]
    }

    /// How often the function has run, for tests that count instead of timing.
    #[cfg(test)]
    pub(super) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Keeps all turns, for tests of what happens meanwhile.
    #[cfg(test)]
    pub(super) async fn hold(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.turns.available_permits()).unwrap();
        self.turns.clone().acquire_many_owned(all).await.unwrap()
    }

    /// Keeps all places of those who wait, so that nobody has time for a password.
    #[cfg(test)]
    pub(super) fn overrun(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.waiting.available_permits()).unwrap();
        self.waiting.clone().try_acquire_many_owned(all).unwrap()
    }

    /// Whether somebody waits for a turn.
    #[cfg(test)]
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.available_permits() < WAITING + turns()
    }

    /// The hash that is kept of a password.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.in_turn(move || {
            let hash: PasswordHash = function()?.hash_password(password.as_bytes()).map_err(broken)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one that was hashed. Without a hash it takes as long, and is wrong.
    pub(super) async fn check(&self, password: &str, hash: Option<&str>) -> Result<Checked> {
        let known = hash.is_some();
        let hash = match hash {
            Some(hash) => hash.to_owned(),
            None => self.nobody.get_or_try_init(|| self.hash("nobody")).await?.clone(),
        };
        // What could never be taken as a password is none; the work is done all the same.
        let possible = password.len() <= LONGEST;
        let password = if possible { password.to_owned() } else { String::new() };
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(broken)?;
            let right = function()?.verify_password(password.as_bytes(), &hash).is_ok();
            Ok(Checked {
                right: right && known && possible,
                outdated: is_outdated(&hash),
            })
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = self.waiting.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(Error::internal)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            // Held by the work, not by whoever waits for it: they may leave.
            let _turn = turn;
            work()
        })
        .await
        .map_err(Error::internal)?
    }
}

/// How many passwords are looked at at once.
fn turns() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1)
}

/// Refuses what cannot be a new password.
pub(super) fn check_new(password: &str) -> Result<()> {
    let told = |message: String| Err(Error::invalid(Code::INVALID_VALUE, message).at("password"));
    if password.len() > LONGEST {
        return told(format!(
            "a password has at most {LONGEST} bytes, this one has {}",
            password.len()
        ));
    }
    if password.contains('\0') {
        return told("a password holds no NUL character".into());
    }
    let length = password.chars().count();
    if length < SHORTEST {
        return told(format!(
            "a password has at least {SHORTEST} characters, this one has {length}"
        ));
    }
    Ok(())
}

fn function() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY, ROUNDS, LANES, None).map_err(broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn is_outdated(hash: &PasswordHash) -> bool {
    let made = Params::try_from(hash);
    let as_today = |params: Params| params.m_cost() == MEMORY && params.t_cost() == ROUNDS && params.p_cost() == LANES;
    hash.algorithm.as_str() != "argon2id" || !made.is_ok_and(as_today)
}

fn busy() -> Error {
    let message = "too many are signing in at this moment; try again in a moment";
    Error::new(Kind::Unavailable, Code::LIMIT_EXCEEDED, message)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

/// A hash of other parameters, for tests.
#[cfg(test)]
pub(super) fn older(password: &str) -> String {
    let params = Params::new(8 * 1024, 1, 1, None).unwrap();
    let older = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = older.hash_password(password.as_bytes()).unwrap();
    hash.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_and_wrong() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "salted");
        let check = async |password: &str| passwords.check(password, Some(&hash)).await.unwrap();
        let right = Checked {
            right: true,
            outdated: false,
        };
        assert_eq!(check("correct horse").await, right);
        assert!(!check("correct horse ").await.right);
        assert!(!check("").await.right);
        assert!(!check(&"x".repeat(LONGEST + 1)).await.right);
    }

    #[tokio::test]
    async fn without_an_account_the_work_is_done_too() {
        let passwords = Passwords::new();
        assert!(!passwords.check("nobody", None).await.unwrap().right);
        let before = passwords.runs();
        assert!(!passwords.check("nobody", None).await.unwrap().right);
        assert_eq!(passwords.runs(), before + 1);
    }

    #[tokio::test]
    async fn hashes_of_older_parameters_are_told() {
        let hash = older("correct horse");
        let checked = Passwords::new().check("correct horse", Some(&hash)).await.unwrap();
        assert_eq!(
            checked,
            Checked {
                right: true,
                outdated: true,
            }
        );
    }

    #[test]
    fn new_ones() {
        for (password, fine) in [
            ("12345678", true),
            ("ünïcödé!", true),
            ("1234567", false),
            ("", false),
            ("1234\0 5678", false),
        ] {
            assert_eq!(check_new(password).is_ok(), fine, "{password:?}");
        }
        assert!(check_new(&"x".repeat(LONGEST)).is_ok());
        let error = check_new(&"x".repeat(LONGEST + 1)).unwrap_err();
        assert!(error.message.contains("1024"), "{error}");
    }

    #[tokio::test]
    async fn a_flood_waits_or_is_told_to_come_back() {
        let passwords = Arc::new(Passwords::new());
        let held = passwords.hold().await;
        let room = passwords.waiting.available_permits();
        let waiting: Vec<_> = (0..room)
            .map(|_| {
                let passwords = Arc::clone(&passwords);
                tokio::spawn(async move { passwords.in_turn(|| Ok(())).await })
            })
            .collect();
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let error = passwords.check("one more", None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        drop(held);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
    }
}
