//! An answer whose rows are still being read.

use super::answer;
use super::cache::Ready;
use super::{Body, Outcome};
use crate::backend::{self, Piece, Seal};
use crate::error::{Code, Result};
use crate::memory::Pieces;
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The JSON of a long answer, of which the first rows are there. Dropping it ends the statement.
pub struct Stream {
    rows: backend::Stream,
    ready: Arc<Ready>,
    seal: Option<Seal>,
}

/// What is known of a streamed answer only when its rows have gone out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// As [`Outcome::count`].
    pub count: u64,
    /// As [`Outcome::next`].
    pub next: Option<String>,
}

impl Outcome {
    /// What is known of a whole answer's end.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail {
            count: self.count,
            next: self.next.clone(),
        }
    }
}

impl Stream {
    pub(super) fn outcome(rows: backend::Stream, ready: Arc<Ready>, seal: Option<Seal>) -> Outcome {
        Outcome {
            count: rows.count,
            total: rows.total.and_then(|total| u64::try_from(total).ok()),
            next: None,
            body: Body::Stream(Box::new(Self { rows, ready, seal })),
        }
    }

    /// The bytes of the answer between others: `before` goes out first, and what `after` makes of the tail last. An error
    /// in the middle is the last item; what came before it must then not look whole.
    pub fn within(
        self,
        mut before: Pieces,
        after: impl FnOnce(&Tail) -> Bytes + Send + 'static,
    ) -> impl futures_util::Stream<Item = Result<Bytes>> + Send + 'static {
        before.write(&answer::opening(&self.ready.plan, self.rows.total));
        let opening = futures_util::stream::iter([Ok(before.into_bytes())]);
        let rows = futures_util::stream::unfold(Some((self, after)), |state| async move {
            let (mut stream, after) = state?;
            match stream.rows.next().await {
                Ok(Piece::Rows(bytes)) => Some((Ok(bytes), Some((stream, after)))),
                Ok(Piece::End(rows)) => {
                    let (mut json, tail) = answer::closing(&stream.ready.plan, rows, stream.seal.as_ref());
                    json.extend_from_slice(&after(&tail));
                    Some((Ok(json.into()), None))
                }
                Err(error) => {
                    if error.code == Code::BLOB_IN_JSON {
                        // Too late for this answer; the next one is rendered with care from the start.
                        stream.ready.wary.store(true, Ordering::Relaxed);
                    }
                    Some((Err(error), None))
                }
            }
        });
        // Whoever compresses asks again after the end.
        opening.chain(rows).fuse()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Stream")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
