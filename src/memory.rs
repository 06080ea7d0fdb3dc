//! The memory of answers that are held until they are sent.
//!
//! A long list goes out while it is read and holds next to nothing. What cannot (several roots, batches, pages read
//! backwards, or no place for one more stream) is held, and counted: each exchange has a [`Room`] for its answer, and all
//! rooms together have one [`Memory`]. Rows are written into pieces of [`PIECE`] bytes; a claim is made for each piece,
//! never for a row, and goes with it until it has been sent. What is shorter than [`FREE`] is not counted.

use crate::error::{Code, Error, Kind, Result};
use crate::pattern;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Bytes of a piece.
pub const PIECE: usize = 64 * 1024;

/// Shorter texts are not counted, and copied instead of being pieces of their own.
pub const FREE: usize = 4 * 1024;

/// What a room takes of the memory of all at a time.
const GRAIN: usize = PIECE;

/// Smaller answers take nothing of it: the number of connections bounds them.
const SMALL: usize = 16 * 1024;

/// What all answers together may hold.
#[derive(Debug)]
pub struct Memory {
    /// Bytes of one answer.
    each: usize,
    /// Bytes of all.
    all: usize,
    /// For a moment less than nothing where one thread gives back what another is about to count.
    taken: AtomicIsize,
}

/// What one answer may hold.
#[derive(Debug)]
pub struct Room {
    memory: Arc<Memory>,
    claimed: AtomicUsize,
    /// What of the memory of all is this room's.
    reserved: AtomicUsize,
    /// What the patterns of the same exchange weigh, which are held in their compiled form.
    pub patterns: pattern::Load,
}

/// A part of a room; free again when it is dropped.
#[derive(Debug, Default)]
pub struct Claim {
    room: Option<Arc<Room>>,
    bytes: usize,
}

impl Memory {
    /// Of so many bytes for one answer, and for all together.
    #[must_use]
    pub fn new(each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self {
            each,
            all,
            taken: AtomicIsize::new(0),
        })
    }

    /// Without limits.
    #[must_use]
    pub fn unbounded() -> Arc<Self> {
        Self::new(usize::MAX, usize::MAX)
    }

    /// The room of a new answer.
    #[must_use]
    pub fn room(self: &Arc<Self>) -> Arc<Room> {
        Arc::new(Room {
            memory: Arc::clone(self),
            claimed: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            patterns: pattern::Load::default(),
        })
    }
}

impl Room {
    /// Most bytes that it has.
    #[must_use]
    pub fn most(&self) -> usize {
        self.memory.each
    }

    /// Claims so many bytes for a part of an answer that is sent in parts: how large the whole is does not count, only what all
    /// answers hold.
    ///
    /// # Errors
    /// As [`Room::claim`].
    pub fn claim_part(&self, bytes: usize) -> Result<Claim> {
        self.memory.room().claim(bytes)
    }

    /// Claims so many bytes.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] where the answer becomes larger than one may be, [`Kind::Unavailable`] where all together do.
    pub fn claim(self: &Arc<Self>, bytes: usize) -> Result<Claim> {
        let mut claim = Claim::default();
        claim.grow_to(self, bytes)?;
        Ok(claim)
    }

    fn take(&self, bytes: usize) -> Result<()> {
        let claimed = self.claimed.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let taken = if claimed > self.memory.each {
            Err(self.too_large())
        } else if claimed <= SMALL {
            Ok(())
        } else {
            self.reserve(claimed.next_multiple_of(GRAIN))
        };
        if taken.is_err() {
            self.give(bytes);
        }
        taken
    }

    fn reserve(&self, wanted: usize) -> Result<()> {
        let before = self.reserved.fetch_max(wanted, Ordering::Relaxed);
        let Some(more) = wanted.checked_sub(before).filter(|more| *more > 0) else {
            return Ok(());
        };
        let more = signed(more);
        if self
            .memory
            .taken
            .fetch_add(more, Ordering::Relaxed)
            .saturating_add(more)
            <= signed(self.memory.all)
        {
            return Ok(());
        }
        let message = "the answers under way hold all the memory that this server gives them; try again later";
        Err(Error::new(Kind::Unavailable, Code::OVERLOADED, message))
    }

    fn give(&self, bytes: usize) {
        let left = self.claimed.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        let wanted = if left <= SMALL { 0 } else { left.next_multiple_of(GRAIN) };
        let before = self.reserved.fetch_min(wanted, Ordering::Relaxed);
        if let Some(less) = before.checked_sub(wanted) {
            self.memory.taken.fetch_sub(signed(less), Ordering::Relaxed);
        }
    }

    /// The error of an answer that is larger than one may be.
    #[must_use]
    pub fn too_large(&self) -> Error {
        let message = format!(
            "the answer is larger than {} bytes, the most that this server holds of one: ask for fewer rows (with a \
             limit) or columns, or for one list alone, which is sent while it is read",
            self.memory.each
        );
        Error::new(Kind::TooLarge, Code::LIMIT_EXCEEDED, message)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let reserved = signed(*self.reserved.get_mut());
        self.memory.taken.fetch_sub(reserved, Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

impl Claim {
    /// Claims as much as is missing to so many bytes of a room, always the same one.
    ///
    /// # Errors
    /// As [`Room::claim`]; what was claimed before stays.
    pub fn grow_to(&mut self, room: &Arc<Room>, bytes: usize) -> Result<()> {
        if let Some(more @ 1..) = bytes.checked_sub(self.bytes) {
            room.take(more)?;
            self.bytes = bytes;
            self.room.get_or_insert_with(|| Arc::clone(room));
        }
        Ok(())
    }

    /// A text that holds what is claimed for it until it is dropped.
    #[must_use]
    pub fn over(self, text: Vec<u8>) -> Bytes {
        self.over_bytes(text.into())
    }

    /// The same, for one that others may hold a part of.
    #[must_use]
    pub fn over_bytes(self, text: Bytes) -> Bytes {
        if self.bytes == 0 {
            text
        } else {
            Bytes::from_owner(Held { text, _claim: self })
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let (Some(room), 1..) = (&self.room, self.bytes) {
            room.give(self.bytes);
        }
    }
}

struct Held {
    text: Bytes,
    _claim: Claim,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// A text in pieces, each of which is dropped when it has been sent.
#[derive(Debug, Default)]
pub struct Pieces {
    full: VecDeque<Bytes>,
    /// What follows them.
    last: Vec<u8>,
}

impl Pieces {
    /// Adds a short text.
    pub fn write(&mut self, text: &[u8]) {
        self.last.extend_from_slice(text);
    }

    /// Adds a piece; a short one is copied.
    pub fn push(&mut self, piece: Bytes) {
        if piece.len() < FREE {
            return self.write(&piece);
        }
        if !self.last.is_empty() {
            self.full.push_back(std::mem::take(&mut self.last).into());
        }
        self.full.push_back(piece);
    }

    /// Adds another text.
    pub fn append(&mut self, other: Self) {
        other.full.into_iter().for_each(|piece| self.push(piece));
        if self.full.is_empty() && self.last.is_empty() {
            self.last = other.last;
        } else {
            self.push(other.last.into());
        }
    }

    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full.iter().map(Bytes::len).sum::<usize>() + self.last.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.is_empty()
    }

    /// The text in one.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.full.is_empty() {
            return self.last.into();
        }
        let mut all = Vec::with_capacity(self.len());
        self.full.iter().for_each(|piece| all.extend_from_slice(piece));
        all.extend_from_slice(&self.last);
        all.into()
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(text: Vec<u8>) -> Self {
        Self {
            full: VecDeque::new(),
            last: text,
        }
    }
}

impl From<&[u8]> for Pieces {
    fn from(text: &[u8]) -> Self {
        text.to_vec().into()
    }
}

impl From<Bytes> for Pieces {
    fn from(piece: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(piece);
        pieces
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.full.pop_front() {
            Some(piece) => piece,
            None if self.last.is_empty() => return Poll::Ready(None),
            None => std::mem::take(&mut self.last).into(),
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_and_all_are_bounded() {
        let memory = Memory::new(4 * GRAIN, 6 * GRAIN);
        let (one, other) = (memory.room(), memory.room());
        let small = one.claim(SMALL).unwrap();
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0, "little is not counted");
        let large = one.claim(4 * GRAIN - SMALL).unwrap();
        let error = one.claim(1).unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::TooLarge, Code::LIMIT_EXCEEDED));
        let error = other.claim(3 * GRAIN).unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::OVERLOADED));
        let mut fits = other.claim(2 * GRAIN).unwrap();
        assert_eq!(memory.taken.load(Ordering::Relaxed), signed(6 * GRAIN));
        drop(large);
        assert_eq!(
            memory.taken.load(Ordering::Relaxed),
            signed(2 * GRAIN),
            "what is sent is free"
        );
        fits.grow_to(&other, 4 * GRAIN).unwrap();
        drop((small, one, fits));
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
        assert_eq!(other.claimed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn parts_count_among_all() {
        let memory = Memory::new(4 * GRAIN, 6 * GRAIN);
        let room = memory.room();
        let first = room.claim_part(3 * GRAIN).unwrap();
        let second = room.claim_part(3 * GRAIN).unwrap();
        let error = room.claim_part(3 * GRAIN).unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Unavailable, Code::OVERLOADED));
        drop((first, second));
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn nothing_is_lost_among_threads() {
        let memory = Memory::new(usize::MAX, 64 * GRAIN);
        let room = memory.room();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for turn in 0..2_000 {
                        let _ = room.claim(turn * 997 % (20 * GRAIN));
                    }
                });
            }
        });
        assert_eq!(room.claimed.load(Ordering::Relaxed), 0);
        drop(room);
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn pieces_hold_their_claims() {
        let memory = Memory::new(usize::MAX, usize::MAX);
        let room = memory.room();
        let mut pieces = Pieces::from(&b"["[..]);
        for _ in 0..8 {
            pieces.push(room.claim(PIECE).unwrap().over(vec![b'x'; PIECE]));
            pieces.write(b",");
        }
        let mut all = Pieces::default();
        all.append(pieces);
        all.append(Pieces::from(&b"]"[..]));
        drop(room);
        assert_eq!(memory.taken.load(Ordering::Relaxed), signed(8 * PIECE));
        assert_eq!(all.len(), 8 * (PIECE + 1) + 2);
        let text = all.into_bytes();
        assert!(text.starts_with(b"[xx") && text.ends_with(b"x,]"));
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
    }
}
