//! Limits on attempts to sign in, kept in the database, so that all instances count together.
//!
//! An attempt is counted before the password is looked at (many at once gain nothing), and taken back when it was right, or when
//! the password was not looked at. One that is refused is counted nowhere and leaves no row.

use super::store::{Changes, Is, To, is, names};
use crate::engine::{Engine, Snapshot};
use crate::error::{Code, Error, Kind, Result};
use crate::request::{Comparison, Conflict, ConflictAction, ConflictTarget};
use crate::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;

const TABLE: &str = "attempt";

/// After so many milliseconds counting begins anew.
pub(super) const WINDOW: i64 = 60_000;

/// Most failed attempts within it: at one account from one address, at one account from anywhere, from one address at all.
/// Since only attempts that no limit refuses are counted, one address spends at most the first of these at an account: alone it
/// can lock nobody out elsewhere.
const OF_BOTH: i64 = 5;
const OF_ACCOUNT: i64 = 50;
const OF_ADDRESS: i64 = 50;

/// An attempt that has been counted.
pub(super) struct Attempt {
    keys: Vec<(String, i64)>,
}

impl Attempt {
    /// Counts an attempt at an account (whether there is one or not) from an address.
    ///
    /// # Errors
    /// There have been too many.
    pub(super) async fn begin(
        engine: &Arc<Engine>,
        snapshot: &Snapshot,
        account: Option<&str>,
        address: Option<IpAddr>,
        now: i64,
    ) -> Result<Self> {
        let keys = keys(account, address);
        let this = Self { keys };
        if this.keys.is_empty() || !snapshot.has_own(TABLE) {
            return Ok(this);
        }
        let mut changes = Changes::default();
        let fresh = this
            .keys
            .iter()
            .map(|(key, _)| vec![Value::Text(key.as_str().into()), Value::Integer(0), Value::Integer(now)]);
        let ignore = Conflict {
            target: ConflictTarget::Key,
            action: ConflictAction::Ignore,
        };
        changes.insert(
            TABLE,
            names(&["key", "count", "since"]),
            fresh.collect(),
            None,
            Some(ignore),
        );
        for (key, most) in &this.keys {
            let old = Is::Compared("since", Comparison::Less, Value::Integer(now - WINDOW));
            let anew = vec![
                ("count", To::Value(Value::Integer(0))),
                ("since", To::Value(Value::Integer(now))),
            ];
            changes.update(TABLE, vec![is("key", key), old], anew);
            let below = Is::Compared("count", Comparison::Less, Value::Integer(*most));
            changes.update(TABLE, vec![is("key", key), below], vec![("count", To::Plus(1))]);
            // Where one limit is reached, nothing of all happens.
            changes.strict();
        }
        changes.run(engine, snapshot).await.map_err(|error| {
            if error.code != Code::ROW_NOT_FOUND {
                return error;
            }
            let message = "too many failed attempts to sign in; wait a minute and try again";
            Error::new(Kind::TooMany, Code::LIMIT_EXCEEDED, message)
        })?;
        Ok(this)
    }

    /// Takes the attempt back: it was none.
    pub(super) fn take_back(&self, changes: &mut Changes, snapshot: &Snapshot) {
        if !snapshot.has_own(TABLE) {
            return;
        }
        for (key, _) in &self.keys {
            let some = Is::Compared("count", Comparison::Greater, Value::Integer(0));
            changes.update(TABLE, vec![is("key", key), some], vec![("count", To::Plus(-1))]);
        }
    }

    /// Takes the attempt back where the password was not looked at after all: the server had no time for it.
    pub(super) async fn unless_busy<T>(
        &self,
        engine: &Arc<Engine>,
        snapshot: &Snapshot,
        looked: Result<T>,
    ) -> Result<T> {
        if looked.is_err() && !self.keys.is_empty() && snapshot.has_own(TABLE) {
            let mut changes = Changes::default();
            self.take_back(&mut changes, snapshot);
            if let Err(error) = changes.run(engine, snapshot).await {
                tracing::warn!(%error, "an attempt to sign in that was none stays counted");
            }
        }
        looked
    }
}

/// Forgets what no limit asks for any more.
pub(super) fn forget(changes: &mut Changes, now: i64) {
    let old = Is::Compared("since", Comparison::Less, Value::Integer(now - 10 * WINDOW));
    changes.delete(TABLE, vec![old]);
}

/// What is counted, and up to where; everybody counts in the same order, so that nobody waits in a circle. Accounts are hashed:
/// whatever somebody types (perhaps a password, in the wrong field) is not kept.
fn keys(account: Option<&str>, address: Option<IpAddr>) -> Vec<(String, i64)> {
    let account = account.map(|account| URL_SAFE_NO_PAD.encode(&Sha256::digest(account)[..18]));
    let address = address.map(network);
    let mut keys = Vec::new();
    if let (Some(account), Some(address)) = (&account, &address) {
        keys.push((format!("both {account} {address}"), OF_BOTH));
    }
    keys.extend(account.map(|account| (format!("account {account}"), OF_ACCOUNT)));
    keys.extend(address.map(|address| (format!("address {address}"), OF_ADDRESS)));
    keys
}

/// Who has one address of IPv6 has the 64 bits behind it.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted() {
        let four: IpAddr = "192.0.2.7".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        let six: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        let other: IpAddr = "2001:db8:1:2:9:9:9:9".parse().unwrap();
        assert_eq!(network(four), network(mapped));
        assert_eq!(network(six), network(other));
        assert_eq!(keys(Some("a"), Some(four)).len(), 3);
        assert_eq!(keys(Some("a"), None).len(), 1);
        assert_eq!(keys(None, Some(four)).len(), 1);
        assert!(keys(None, None).is_empty());
        let all: Vec<String> = keys(Some("ada@example.org"), Some(four))
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert!(all.iter().all(|key| !key.contains("ada")), "{all:?}");
    }
}
