//! Rows that go out while their statement still runs.
//!
//! A statement writes into a buffer. While that stays small nothing is different. When it has grown to [`CHUNK`], and one
//! of the few places for streams is free, the caller gets its first chunk and the others follow through a channel, which
//! holds a few: a caller who takes nothing stops the database. What a statement may hold on to while it waits (a thread,
//! a connection) has an end: the statement's own time, or the moment at which the caller goes away.

use super::Rows;
use crate::error::{Code, Error, Kind, Result};
use crate::memory::{Claim, PIECE, Room};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes from which rows go out before the statement is done, and of a chunk.
pub(super) const CHUNK: usize = PIECE;

/// Longer chunks, which hold a long row, count among what all answers hold.
const LONG: usize = 2 * CHUNK;

/// Chunks that wait for the caller.
const AHEAD: usize = 3;

/// What running a statement that may stream gave.
#[derive(Debug)]
pub enum Reply {
    /// All rows.
    Whole(Rows),
    /// The first rows; the others follow.
    Stream(Stream),
}

/// The rows of a statement that still runs. Dropping it ends the statement.
#[derive(Debug)]
pub struct Stream {
    /// The number of all rows, where the statement computes it.
    pub total: Option<i64>,
    /// Rows written into the first chunk.
    pub count: u64,
    first: Option<Bytes>,
    rest: mpsc::Receiver<Message>,
}

/// A piece of a stream.
#[derive(Debug)]
pub enum Piece {
    /// Rows, separated by commas, with one before the first of them where others came before.
    Rows(Bytes),
    /// The last ones (in the one buffer, which may be empty), and what is known of all.
    End(Rows),
}

impl Stream {
    /// The next piece; none follows the end or an error.
    ///
    /// # Errors
    /// As [`super::Backend::run`]; what was taken before is no whole answer then. It is in the log already.
    pub async fn next(&mut self) -> Result<Piece> {
        if let Some(first) = self.first.take() {
            return Ok(Piece::Rows(first));
        }
        match self.rest.recv().await {
            Some(Message::Rows { bytes, .. }) => Ok(Piece::Rows(bytes)),
            Some(Message::End(rows)) => Ok(Piece::End(rows)),
            Some(Message::Failed(error)) => Err(error),
            None => Err(Error::internal("a stream broke off without a word")),
        }
    }
}

#[derive(Debug)]
enum Message {
    Rows {
        bytes: Bytes,
        total: Option<i64>,
        count: u64,
    },
    End(Rows),
    Failed(Error),
}

/// Where a running statement puts its rows.
pub(super) struct Outlet {
    sender: mpsc::Sender<Message>,
    place: Place,
    /// What the statement holds until it becomes a stream, and then no more.
    held: Option<OwnedSemaphorePermit>,
    deadline: Instant,
}

/// A place among the statements that stream.
enum Place {
    /// Asked for whenever the buffer is full; until there is one, the answer is held.
    Among(Arc<Semaphore>),
    Taken {
        _permit: OwnedSemaphorePermit,
    },
    /// None is asked for: what becomes long is stopped, to begin anew as a stream.
    Without,
}

/// Why rows are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The caller went away.
    Gone,
    /// The caller was too slow.
    Late,
    /// The answer has become long where it may not.
    Long,
    /// A row is long, and there is no memory for it now.
    NoRoom,
}

/// How a statement's end reaches the caller.
pub(super) struct Ending(mpsc::Sender<Message>);

/// The caller's side until the first chunk.
pub(super) struct Inlet(mpsc::Receiver<Message>);

/// A way for rows, for a statement that may take until the deadline.
pub(super) fn open(
    places: &Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    deadline: Instant,
) -> (Outlet, Ending, Inlet) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let outlet = Outlet {
        sender: sender.clone(),
        place: Place::Among(Arc::clone(places)),
        held,
        deadline,
    };
    (outlet, Ending(sender), Inlet(receiver))
}

impl Outlet {
    /// One that stops what becomes long.
    pub(super) fn without_a_way(deadline: Instant) -> Self {
        Self {
            sender: mpsc::channel(1).0,
            place: Place::Without,
            held: None,
            deadline,
        }
    }

    /// Whether the rows at hand are to be sent before others are written.
    pub(super) fn is_due(&mut self, rows: &Rows) -> bool {
        let [buffer] = rows.buffers.as_slice() else {
            return false;
        };
        if buffer.len() < CHUNK {
            return false;
        }
        if let Place::Among(places) = &self.place
            && let Ok(permit) = Arc::clone(places).try_acquire_owned()
        {
            self.held = None;
            self.place = Place::Taken { _permit: permit };
        }
        matches!(self.place, Place::Taken { .. } | Place::Without)
    }

    /// Sends the rows at hand, as soon as there is room for them.
    pub(super) async fn send(&self, rows: &mut Rows, room: &Room) -> Result<(), Stopped> {
        if matches!(self.place, Place::Without) {
            return Err(Stopped::Long);
        }
        // What was held until there was a place.
        for piece in rows.full.drain(..).flatten() {
            self.send_piece(piece, rows.total, rows.count).await?;
        }
        let Some(buffer) = rows.buffers.first_mut() else {
            return Ok(());
        };
        let mut piece = std::mem::replace(buffer, Vec::with_capacity(CHUNK + CHUNK / 8));
        // The number of streams does not bound what waits for their callers: a statement ends, and its rows wait on.
        let mut claim = Claim::default();
        if piece.len() > LONG {
            piece.shrink_to_fit();
            claim = room.claim_part(piece.len()).map_err(|_| Stopped::NoRoom)?;
        }
        self.send_piece(claim.over(piece), rows.total, rows.count).await
    }

    async fn send_piece(&self, bytes: Bytes, total: Option<i64>, count: u64) -> Result<(), Stopped> {
        let message = Message::Rows { bytes, total, count };
        match tokio::time::timeout_at(self.deadline.into(), self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Stopped::Gone),
            Err(_) => Err(Stopped::Late),
        }
    }
}

impl Ending {
    /// Done when the caller has gone away.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }

    /// Tells the caller how it ended. A failure is logged here: a caller who does not read may never come to see it.
    pub(super) async fn tell(self, result: Result<Rows>) {
        let message = match result {
            Ok(rows) => Message::End(rows),
            Err(error) => {
                if !self.0.is_closed() {
                    let cause = error.source.as_ref().map(tracing::field::display);
                    let code = error.code.0;
                    match error.kind {
                        Kind::Internal => tracing::error!(code, cause, "an answer broke off in the middle: {error}"),
                        _ => tracing::warn!(code, cause, "an answer broke off in the middle: {error}"),
                    }
                }
                Message::Failed(error)
            }
        };
        // Nobody is left to be told, then.
        let _ = self.0.send(message).await;
    }
}

impl Inlet {
    /// The stream, once its first chunk is there.
    pub(super) async fn begun(&mut self) -> Option<(Bytes, Option<i64>, u64)> {
        match self.0.recv().await {
            Some(Message::Rows { bytes, total, count }) => Some((bytes, total, count)),
            _ => None,
        }
    }

    /// The first chunk, if it is there now.
    pub(super) fn has_begun(&mut self) -> Option<(Bytes, Option<i64>, u64)> {
        match self.0.try_recv() {
            Ok(Message::Rows { bytes, total, count }) => Some((bytes, total, count)),
            _ => None,
        }
    }

    /// The stream that begins with a chunk.
    pub(super) fn stream(self, (bytes, total, count): (Bytes, Option<i64>, u64)) -> Stream {
        Stream {
            total,
            count,
            first: Some(bytes),
            rest: self.0,
        }
    }
}

/// Why the rows of an answer that could stream, had it a place, cannot be held.
pub(super) fn without_a_place(error: Error) -> Error {
    if error.kind != Kind::TooLarge {
        return error;
    }
    let message = "the answer is too large to be held, and all places for answers that are sent while they are read are \
                   taken; try again later";
    Error::new(Kind::Unavailable, Code::OVERLOADED, message)
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        let message = match stopped {
            Stopped::Gone => "the caller went away",
            Stopped::Late => "the answer was not taken within the time of a statement",
            Stopped::Long => "the answer has become long",
            Stopped::NoRoom => {
                let message = "the answers under way hold all the memory that this server gives them; try again later";
                return Self::new(Kind::Unavailable, Code::OVERLOADED, message);
            }
        };
        Self::new(Kind::Unavailable, Code::TIMEOUT, message)
    }
}

#[cfg(test)]
impl Stream {
    /// All of it: the bytes, in how many pieces they came, and how many rows they are.
    pub(super) async fn taken(mut self) -> (Vec<u8>, usize, u64) {
        let (mut bytes, mut pieces) = (Vec::new(), 0);
        loop {
            match self.next().await.expect("a piece") {
                Piece::Rows(rows) => {
                    pieces += 1;
                    bytes.extend_from_slice(&rows);
                }
                Piece::End(rows) => {
                    bytes.extend_from_slice(&rows.buffers[0]);
                    return (bytes, pieces, rows.count);
                }
            }
        }
    }
}
