//! One-time codes: whoever shows one may do one thing with an account, once, and not for long.
//!
//! Only a hash is kept. A user has at most one code of a purpose; the next one takes its place. A try is counted before the
//! code is looked at, so of many at once none slips through; after a few wrong ones the code is worth nothing.

use super::rows::hash_of;
use super::store::{Changes, Is, Question, To, is, names, rows, text};
use crate::auth::{milliseconds, random};
use crate::engine::{Engine, Snapshot};
use crate::error::{Code, Result};
use crate::request::Comparison;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

const TABLE: &str = "one_time_code";

/// Most tries at one code.
const TRIES: i64 = 5;

/// Longest life of a code.
pub(super) const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new password.
    Password,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Password => "password",
        }
    }
}

/// Makes a code of a user in the place of the one before.
pub(super) fn issue(changes: &mut Changes, user: &str, purpose: Purpose, until: i64) -> Result<String> {
    let mut code = random()?;
    // 132 bits.
    code.truncate(22);
    changes.delete(TABLE, vec![is("user_id", user), is("purpose", purpose.word())]);
    let row = vec![
        Value::Text(user.into()),
        Value::Text(purpose.word().into()),
        Value::Text(hash_of(&code).into()),
        Value::Integer(0),
        Value::Integer(until),
    ];
    let columns = names(&["user_id", "purpose", "hash", "tries", "expires_at"]);
    changes.insert(TABLE, columns, vec![row], None, None);
    Ok(code)
}

/// Whether a code is a user's; it is counted as a try. [`spend`] it with what it is shown for.
pub(super) async fn is_right(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    user: &str,
    purpose: Purpose,
    code: &str,
) -> Result<bool> {
    let open = || {
        vec![
            is("user_id", user),
            is("purpose", purpose.word()),
            Is::Compared("expires_at", Comparison::Greater, Value::Integer(milliseconds())),
        ]
    };
    let mut changes = Changes::default();
    let mut left = open();
    left.push(Is::Compared("tries", Comparison::Less, Value::Integer(TRIES)));
    changes.update(TABLE, left, vec![("tries", To::Plus(1))]);
    changes.strict();
    match changes.run(engine, snapshot).await {
        Err(error) if error.code == Code::ROW_NOT_FOUND => return Ok(false),
        counted => counted?,
    };
    let question = Question {
        table: TABLE,
        columns: names(&["hash"]),
        wanted: open(),
        limit: Some(1),
    };
    let found = rows(engine, snapshot, question).await?;
    let kept = found.first().and_then(|row| text(row, "hash")).unwrap_or_default();
    Ok(kept.as_bytes().ct_eq(hash_of(code).as_bytes()).into())
}

/// Takes a code away; without it nothing of all happens.
pub(super) fn spend(changes: &mut Changes, user: &str, purpose: Purpose, code: &str) {
    let which = vec![
        is("user_id", user),
        is("purpose", purpose.word()),
        is("hash", &hash_of(code)),
    ];
    changes.delete(TABLE, which);
    changes.strict();
}

/// Takes all codes of a user away.
pub(super) fn end(changes: &mut Changes, user: &str) {
    changes.delete(TABLE, vec![is("user_id", user)]);
}

/// Takes the codes away that belonged to the key of a user whom an earlier write makes.
pub(super) fn end_of_former(changes: &mut Changes, write: usize) {
    changes.delete(TABLE, Vec::new());
    changes.of_user(write);
}

/// Forgets what has expired.
pub(super) fn forget(changes: &mut Changes, now: i64) {
    let over = Is::Compared("expires_at", Comparison::Less, Value::Integer(now));
    changes.delete(TABLE, vec![over]);
}
