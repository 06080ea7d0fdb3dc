//! Writes that happen once for a key, however often they are sent: what a write gave is kept in its own transaction, and
//! told again to who sends the same with the same key.
//!
//! A repetition is authorized like any write before anything is looked up. Two at once: within one process the second is
//! refused at once by the set of keys under way; of several instances on PostgreSQL by a lock that is tried and not waited
//! for; on SQLite the second finds what the first has written. Where there are no such locks the key's row is written before
//! anything else: the second waits for it, begins anew, and finds what the first has kept.

mod allowance;
mod rights;
mod rows;

use super::ready::Ready;
use super::script::{Script, Server};
use super::{Written, answer};
use crate::backend::{Run, Session, Work};
use crate::engine::binding::Pieces;
use crate::engine::{Delivery, Engine, Snapshot, cache};
use crate::error::{Code, Error, Kind, Result, ViolationKind};
use crate::memory::Room;
use crate::pattern;
use crate::principal::{Credential, Principal, Variable};
use crate::request::{Batch, Once};
use crate::rules::View;
use crate::sql::{Flavor, Statement, try_lock};
use crate::value::Datum;
use allowance::Allowance;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rows::{Kept, Old};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After so many writes with keys some of those that are too old go: twice as many, so that they never pile up.
const PORTION: u32 = 64;

/// Where nobody writes with keys they go after so long all the same.
const INTERVAL: Duration = Duration::from_secs(60);

/// Between two portions.
const PAUSE: Duration = Duration::from_millis(50);

/// What an engine knows of keys.
#[derive(Default)]
pub(in crate::engine) struct Keys {
    /// Those under way in this process.
    running: Arc<Mutex<HashSet<String>>>,
    /// Whether the database has locks that can be tried, once that is known.
    locks: tokio::sync::OnceCell<bool>,
    /// Writes since the process began.
    written: AtomicU32,
    /// How much each caller has kept of late.
    allowance: Mutex<Allowance>,
    /// When it was last looked what is too old.
    looked: Mutex<Option<Instant>>,
    /// Held by whoever removes that: a long time of work is not begun once more every minute.
    forgetting: tokio::sync::Mutex<()>,
}

/// A key that is under way in this process until this is dropped.
pub(super) struct Held {
    running: Arc<Mutex<HashSet<String>>>,
    name: String,
    /// Whose it is, where the caller's room is limited.
    caller: Option<[u8; CALLER]>,
    /// Bytes that are kept for it, once that is known.
    size: Arc<AtomicU64>,
}

/// Bytes of a caller's hash: a whole number of characters of the key's name begin with it.
const CALLER: usize = 12;

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.name);
    }
}

impl Keys {
    fn hold(&self, name: &str, caller: Option<[u8; CALLER]>) -> Result<Held> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if !running.insert(name.to_owned()) {
            return Err(in_use());
        }
        Ok(Held {
            running: Arc::clone(&self.running),
            name: name.to_owned(),
            caller,
            size: Arc::default(),
        })
    }

    fn allowance(&self) -> std::sync::MutexGuard<'_, Allowance> {
        self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What keeps a twin of another instance out.
enum Twins {
    /// There is one writer at a time.
    Never,
    /// A lock of this number is tried.
    Lock(Statement, i64),
    /// The key's row is written first.
    Row,
}

/// A script that happens once.
pub(super) struct Single {
    script: Script,
    /// Where it leaves what it gave.
    outcome: Arc<Mutex<Vec<Written>>>,
    /// The caller's key, what was sent with it, and the rights that it was sent with, all hashed.
    name: String,
    request: String,
    rights: String,
    twins: Twins,
    /// Bytes that may still be kept for the caller, and how many are.
    left: u64,
    size: Arc<AtomicU64>,
    /// A snapshot that has the table.
    own: Arc<Snapshot>,
    question: Arc<cache::Ready>,
    values: Vec<Datum>,
    /// What keeps a new outcome, and what does where one stands that is too old.
    fresh: Arc<Ready>,
    anew: Arc<Ready>,
    /// What completes a row that was written first.
    complete: Arc<Ready>,
    header_prefix: String,
    flavor: Flavor,
    room: Arc<Room>,
}

impl Engine {
    /// A script of a caller that happens once, and its key, held for as long as it is under way.
    ///
    /// # Errors
    /// The key is under way, or the caller's keys are not kept; and as [`Engine::prepare`].
    pub(super) async fn single(
        self: &Arc<Self>,
        (snapshot, view): (&Snapshot, &View),
        principal: &Principal,
        once: &Once,
        (script, ready): (Script, &Ready),
        outcome: Arc<Mutex<Vec<Written>>>,
    ) -> Result<(Single, Held)> {
        let name = name(principal, once)?;
        let whose = first(name);
        let limited = matches!(principal.credential, Credential::Token | Credential::DatabaseToken);
        let held = self
            .keys
            .hold(&URL_SAFE_NO_PAD.encode(name), limited.then_some(whose))?;
        let left = held
            .caller
            .map_or(u64::MAX, |caller| self.keys.allowance().left(caller));
        let own = Arc::clone(self.prepare().await?.system());
        let flavor = self.backend.flavor();
        let twins = match flavor {
            Flavor::Sqlite => Twins::Never,
            Flavor::Postgres if self.has_locks(&own).await? => {
                let [.., a, b, c, d, e, f, g, h] = name;
                Twins::Lock(try_lock(&own.catalog), i64::from_le_bytes([a, b, c, d, e, f, g, h]))
            }
            Flavor::Postgres => Twins::Row,
        };
        let system = Principal::system();
        let request = rows::question(&held.name);
        let question = self.planned(&own, &system, &request)?;
        let statement = (&question.statement, &pattern::Load::default());
        let (values, _) = self.values(&own, &system, &request, &question, statement)?;
        let own_view = own.view(system.role.as_str());
        let own_view = own_view.ok_or_else(|| Error::internal("the server's own role is not there"))?;
        let program = |batch: Batch| {
            own.programs
                .get(&own.catalog, own_view, &self.backend, &system, &batch.writes)
        };
        let kept = |anew| rows::keep(["", "", "", ""], 0, anew);
        let single = Single {
            script,
            outcome,
            name: held.name.clone(),
            request: URL_SAFE_NO_PAD.encode(once.said()),
            rights: URL_SAFE_NO_PAD.encode(rights::rights(&snapshot.catalog, view, principal, ready)),
            twins,
            left,
            size: Arc::clone(&held.size),
            question,
            values,
            fresh: program(kept(false))?,
            anew: program(kept(true))?,
            complete: program(rows::complete("", ""))?,
            own,
            header_prefix: self.header_prefix.clone(),
            flavor,
            room: self.room(),
        };
        Ok((single, held))
    }

    /// Whether a lock can be tried: PostgreSQL can, some who speak its protocol cannot.
    async fn has_locks(&self, own: &Snapshot) -> Result<bool> {
        let ask = async || {
            let probe = Probe(try_lock(&own.catalog));
            match self.backend.write(Box::new(probe)).await {
                Ok(()) => Ok(true),
                Err(error) if error.kind == Kind::Unavailable => Err(error),
                Err(error) => {
                    let cause = error.source.as_ref().map(tracing::field::display);
                    tracing::info!(
                        cause,
                        "the database has no advisory locks: twins of a write may wait for each other"
                    );
                    Ok(false)
                }
            }
        };
        self.keys.locks.get_or_try_init(ask).await.copied()
    }

    /// Counts a write with a key. Now and then some outcomes that are too old go, besides.
    pub(super) fn counted(self: &Arc<Self>, held: &Held) {
        let size = held.size.load(Ordering::Relaxed);
        if let Some(caller) = held.caller.filter(|_| size > 0) {
            self.keys.allowance().spend(caller, size);
        }
        let count = self.keys.written.fetch_add(1, Ordering::Relaxed);
        if count.is_multiple_of(PORTION) {
            self.keys.allowance().tidy();
            tokio::spawn(Self::forget(Arc::clone(self)));
        }
    }

    /// Forgets what is kept for the keys of a user who is gone: their id is somebody else's now.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn forget_keys_of(self: &Arc<Self>, snapshot: &Snapshot, user: &str) -> Result<()> {
        if !snapshot.has_own(rows::TABLE) {
            return Ok(());
        }
        let caller = URL_SAFE_NO_PAD.encode(caller(Credential::Token, user));
        let batch = rows::forget_all(&caller);
        self.write(snapshot.system(), &Principal::system(), batch)
            .await
            .map(|_| ())
    }

    /// Looks now and then whether outcomes are too old, also where nobody writes with keys any more.
    pub(in crate::engine) fn tend_keys(self: &Arc<Self>) {
        let mut looked = self.keys.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|looked| looked.elapsed() < INTERVAL) {
            return;
        }
        *looked = Some(Instant::now());
        let snapshot = self.snapshot();
        if snapshot.has_own(rows::TABLE) && !snapshot.catalog.database.read_only {
            tokio::spawn(Self::forget(Arc::clone(self)));
        }
    }

    /// Removes outcomes that are too old: a portion at a time, with room for others' writes in between.
    fn forget(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let Ok(_alone) = self.keys.forgetting.try_lock() else {
                return;
            };
            // Whatever kept it from happening has been logged, and it happens the next time.
            while let Ok(true) = self.forget_some().await {
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    /// Removes a portion; `true` where there may be more.
    async fn forget_some(self: &Arc<Self>) -> Result<bool> {
        let snapshot = self.snapshot();
        let (own, system, now) = (snapshot.system(), Principal::system(), now());
        let old = rows::old(now, i64::from(2 * PORTION));
        let found = self.run(own, &system, &old, Delivery::Whole(&self.room())).await?;
        let keys: Vec<Old> = serde_json::from_slice(&found.body.whole()?).map_err(Error::internal)?;
        let more = keys.len() >= 2 * PORTION as usize;
        if !keys.is_empty() {
            self.write(own, &system, rows::forget(keys, now)).await?;
        }
        Ok(more)
    }
}

impl Single {
    async fn steps(&mut self, session: &mut Session) -> Result<()> {
        if let Twins::Lock(lock, number) = &self.twins {
            let taken = session.change(lock, &[vec![Datum::Integer(*number)]]).await?;
            let taken = taken.rows.first().and_then(|(_, row)| row.first());
            if taken != Some(&Datum::Text("true".into())) {
                return Err(in_use());
            }
        }
        let now = now();
        let kept = self.kept(session).await?;
        let anew = kept.is_some();
        if let Some(kept) = kept.filter(|kept| !kept.is_old(now)) {
            let written = self.again(&kept)?;
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = written;
            return Ok(());
        }
        let first = matches!(self.twins, Twins::Row);
        if first {
            self.keep(session, "", now, anew).await?;
        }
        self.script.steps(session).await?;
        let outcome = rows::outcome(&self.outcome.lock().unwrap_or_else(PoisonError::into_inner))?;
        let size = allowance::size(&outcome);
        if size > self.left {
            return Err(allowance::exceeded());
        }
        self.size.store(size, Ordering::Relaxed);
        if first {
            let complete = rows::complete(&self.name, &outcome);
            return self.run_own(session, complete, &self.complete).await;
        }
        self.keep(session, &outcome, now, anew).await
    }

    async fn keep(&self, session: &mut Session, outcome: &str, now: i64, anew: bool) -> Result<()> {
        let batch = rows::keep([&self.name, &self.request, &self.rights, outcome], now, anew);
        let ready = if anew { &self.anew } else { &self.fresh };
        self.run_own(session, batch, ready).await
    }

    /// The row of the key.
    async fn kept(&self, session: &mut Session) -> Result<Option<Kept>> {
        let run = Run {
            statement: &self.question.statement,
            values: &self.values,
            most: None,
            seal: None,
            room: &self.room,
        };
        let rows = session.read(run).await?;
        let plan = &self.question.plan;
        let body = answer::outcome(&plan.answer, &plan.query, rows, None).body.whole()?;
        serde_json::from_slice(&body).map_err(Error::internal)
    }

    /// What an earlier request gave.
    fn again(&self, kept: &Kept) -> Result<Vec<Written>> {
        if kept.request != self.request {
            let message = "this Idempotency-Key was sent before with another request (method, path, query or body); send a \
                           new key with a new request";
            return Err(Error::new(Kind::Unprocessable, Code::KEY_REUSED, message));
        }
        if kept.rights != self.rights {
            let message = "this write has happened, and what it gave is not told again: what you may read, or what your \
                           token says of you, has changed since; read what you need of it";
            return Err(Error::new(Kind::Unprocessable, Code::OUTCOME_WITHHELD, message));
        }
        kept.written()
    }

    /// Writes rows of the table itself.
    async fn run_own(&self, session: &mut Session, batch: Batch, ready: &Arc<Ready>) -> Result<()> {
        let server = Server {
            header_prefix: &self.header_prefix,
            flavor: self.flavor,
            room: Arc::clone(&self.room),
            outcome: Arc::default(),
            suspects: Arc::default(),
            most_rows: usize::MAX,
        };
        let mut script = Script::new(&self.own, &Principal::system(), batch, Arc::clone(ready), server);
        script.steps(session).await.map_err(|error| {
            let unique = |kind| kind == ViolationKind::Unique;
            if error.violation.as_ref().is_some_and(|violation| unique(violation.kind)) {
                // A twin came first: the whole again finds what it gave.
                let message = "another request with the same Idempotency-Key came in between; send it again";
                return Error::new(Kind::Unavailable, Code::COLLISION, message).with_source(error);
            }
            Error {
                write: None,
                row: None,
                ..error
            }
        })
    }
}

impl Work for Single {
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>> {
        let span = self.script.span.clone();
        Box::pin(tracing::Instrument::instrument(self.steps(session), span))
    }

    fn is_alone(&self) -> bool {
        self.script.is_alone()
    }

    fn is_serializable(&self) -> bool {
        self.script.is_serializable()
    }
}

/// Tries a lock that nobody holds.
struct Probe(Statement);

impl Work for Probe {
    fn run<'w>(&'w mut self, session: &'w mut Session) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'w>> {
        Box::pin(async {
            let number = Datum::Integer(rand::random());
            session.change(&self.0, &[vec![number]]).await.map(|_| ())
        })
    }
}

/// A caller: those of one are found by what the names of their keys begin with.
fn caller(credential: Credential, id: &str) -> [u8; CALLER] {
    let mut hash = Pieces::new();
    hash.text(&format!("{credential:?}"));
    hash.text(id);
    first(hash.finish())
}

fn first(hash: [u8; 32]) -> [u8; CALLER] {
    std::array::from_fn(|place| hash[place])
}

/// Whose key it is, and which: the hash by which it is found.
fn name(principal: &Principal, once: &Once) -> Result<[u8; 32]> {
    let id = match principal.variable("id") {
        Some(Variable::Text(id)) => Some(id),
        _ => None,
    };
    let somebody = match principal.credential {
        Credential::None | Credential::AnonKey => false,
        Credential::Token => id.is_some(),
        Credential::DatabaseToken | Credential::AdminSecret | Credential::System => true,
    };
    if !somebody || principal.role.as_str() == Principal::ANONYMOUS {
        let message = "an Idempotency-Key is kept for callers who have signed in or show the admin secret; show credentials, \
                       or leave the header out";
        return Err(Error::invalid(Code::INVALID_KEY, message).at("Idempotency-Key"));
    }
    let mut hash = Pieces::new();
    hash.text(principal.role.as_str());
    hash.text(once.key());
    hash.text(&once.which().map(|part| part.to_string()).unwrap_or_default());
    let mut name = hash.finish();
    name[..CALLER].copy_from_slice(&caller(principal.credential, id.map_or("", |id| id)));
    Ok(name)
}

fn in_use() -> Error {
    let message = "a request with the same Idempotency-Key is under way; send it again when that has been answered";
    Error::new(Kind::Conflict, Code::KEY_IN_USE, message)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn somebody(credential: Credential, role: &str, variables: &[(&str, &str)]) -> Principal {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Variable::Text((*value).into())));
        Principal {
            variables: Arc::new(variables.collect::<BTreeMap<_, _>>()),
            ..Principal::of_role(role, credential)
        }
    }

    fn once() -> Once {
        Once::read([b"a key".as_slice()], &[]).unwrap().unwrap()
    }

    #[test]
    fn keys_belong_to_whoever_is_somebody() {
        for (who, kept) in [
            (Principal::anonymous(), false),
            (somebody(Credential::AnonKey, "anonymous", &[]), false),
            (somebody(Credential::AdminSecret, "anonymous", &[]), false),
            (somebody(Credential::Token, "user", &[]), false),
            (somebody(Credential::Token, "anonymous", &[("id", "1")]), false),
            (somebody(Credential::Token, "user", &[("id", "1")]), true),
            (somebody(Credential::AdminSecret, "user", &[]), true),
            (somebody(Credential::AdminSecret, "admin", &[]), true),
        ] {
            assert_eq!(name(&who, &once()).is_ok(), kept, "{who:?}");
        }
    }

    #[test]
    fn a_new_token_of_the_same_caller_has_the_same_keys() {
        let user = |id: &str, expires: &str| somebody(Credential::Token, "user", &[("id", id), ("exp", expires)]);
        let of = |who: &Principal| name(who, &once()).unwrap();
        assert_eq!(of(&user("1", "100")), of(&user("1", "200")));
        assert_ne!(of(&user("1", "100")), of(&user("2", "100")));
        let editor = somebody(Credential::Token, "editor", &[("id", "1")]);
        assert_ne!(of(&user("1", "100")), of(&editor));
        let part = name(&user("1", "100"), &once().part(0)).unwrap();
        assert_ne!(of(&user("1", "100")), part);
    }

    #[test]
    fn a_key_is_held_until_it_is_dropped() {
        let keys = Keys::default();
        let held = keys.hold("a", None).unwrap();
        assert_eq!(
            keys.hold("a", None).err().map(|error| error.code),
            Some(Code::KEY_IN_USE)
        );
        assert!(keys.hold("b", None).is_ok());
        drop(held);
        assert!(keys.hold("a", None).is_ok());
    }
}
