//! Answers to introspection. A whole schema of 600 tables is 50 MB of JSON that says much the same again and again: what
//! is long is packed while it is written, kept so, and unpacked while it is sent to whoever does not take it packed.

use crate::error::Error;
use crate::graphql::error::Fault;
use crate::memory::{PIECE, Pieces, Room};
use bytes::Buf as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::body::{Body, Frame, SizeHint};
use std::io::{self, Read as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// JSON about a schema.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// As it is.
    Short(String),
    /// Packed.
    Long(Arc<Packed>),
}

/// A long text, compressed.
#[derive(Debug)]
pub(crate) struct Packed {
    /// In the form of gzip.
    pub gzip: Bytes,
    /// Bytes of the text.
    length: u64,
}

/// A text in the making.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// What is not packed yet.
    text: String,
    packer: Option<GzEncoder<Vec<u8>>>,
    length: u64,
}

impl Sheet {
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() >= PIECE {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let packer = self
            .packer
            .get_or_insert_with(|| GzEncoder::new(Vec::new(), Compression::fast()));
        // Writing to memory does not fail.
        let _ = packer.write_all(self.text.as_bytes());
        self.length += self.text.len() as u64;
        self.text.clear();
    }

    /// The text.
    ///
    /// # Errors
    /// A fault of ours.
    pub(crate) fn finish(mut self) -> Result<Told, Fault> {
        if self.packer.is_some() {
            self.pack();
        }
        match self.packer {
            None => Ok(Told::Short(self.text)),
            Some(packer) => {
                let mut gzip = packer.finish().map_err(|error| Fault::of(&Error::internal(error)))?;
                gzip.shrink_to_fit();
                Ok(Told::Long(Arc::new(Packed {
                    gzip: gzip.into(),
                    length: self.length,
                })))
            }
        }
    }
}

impl Told {
    /// The text, for an answer that holds other things, too.
    ///
    /// # Errors
    /// It has no room there.
    pub(crate) fn pieces(self, room: &Arc<Room>) -> Result<Pieces, Error> {
        let packed = match self {
            Self::Short(text) => return Ok(text.into_bytes().into()),
            Self::Long(packed) => packed,
        };
        let mut pieces = Pieces::default();
        let mut unpacking = packed.unpacking();
        loop {
            let claim = room.claim(PIECE)?;
            let piece = unpacking.next().map_err(Error::internal)?;
            if piece.is_empty() {
                return Ok(pieces);
            }
            pieces.push(claim.over(piece));
        }
    }
}

impl Packed {
    /// The text as the body of a response.
    pub(crate) fn unpacking(&self) -> Unpacking {
        Unpacking {
            reader: GzDecoder::new(self.gzip.clone().reader()),
            left: self.length,
        }
    }
}

/// A packed text on its way out.
pub(crate) struct Unpacking {
    reader: GzDecoder<bytes::buf::Reader<Bytes>>,
    left: u64,
}

impl Unpacking {
    /// The next piece; empty at the end.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut self.reader).take(PIECE as u64).read_to_end(&mut piece)?;
        self.left = self.left.saturating_sub(piece.len() as u64);
        Ok(piece)
    }
}

impl Body for Unpacking {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match self.next() {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => Some(Ok(Frame::data(piece.into()))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::memory::Memory;

    fn sheet(times: usize) -> (String, Told) {
        let mut sheet = Sheet::default();
        let mut text = String::new();
        for number in 0..times {
            let part = format!("{{\"name\":\"type_{number}\"}},");
            sheet.push(&part);
            text.push_str(&part);
        }
        (text, sheet.finish().unwrap())
    }

    #[test]
    fn what_is_long_is_packed() {
        let room = Memory::unbounded().room();
        for (times, long) in [(0, false), (10, false), (20_000, true)] {
            let (text, told) = sheet(times);
            match &told {
                Told::Short(_) => assert!(!long),
                Told::Long(packed) => {
                    assert!(long && packed.gzip.len() < text.len() / 4, "{}", packed.gzip.len());
                    assert_eq!(packed.unpacking().size_hint().exact(), Some(text.len() as u64));
                }
            }
            assert!(told.pieces(&room).unwrap().into_bytes() == text.as_bytes());
        }
    }

    #[test]
    fn unpacked_it_takes_room() {
        let memory = Memory::new(100_000, 1_000_000);
        let error = sheet(20_000).1.pieces(&memory.room()).unwrap_err();
        assert_eq!(error.kind, Kind::TooLarge);
    }
}
