//! Collecting values beside the shape that refers to them.

use super::{Batch, Read, Request, Slot, Write};
use crate::value::Value;

/// The values of one request, by slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<Value>);

impl Values {
    /// The value of a slot; a slot that was never filled is null.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Value {
        self.0.get(slot.0 as usize).unwrap_or(&Value::Null)
    }

    /// Puts another value into a slot.
    pub fn fill(&mut self, slot: Slot, value: Value) {
        if let Some(place) = self.0.get_mut(slot.0 as usize) {
            *place = value;
        }
    }
}

/// Fills [`Values`] while a front makes the shape.
#[derive(Debug, Default)]
pub struct Builder {
    values: Vec<Value>,
}

impl Builder {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a value and returns its slot.
    pub fn push(&mut self, value: impl Into<Value>) -> Slot {
        self.values.push(value.into());
        Slot(u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX))
    }

    /// The slot of the value that is pushed next.
    #[must_use]
    pub fn next(&self) -> Slot {
        Slot(u32::try_from(self.values.len()).unwrap_or(u32::MAX))
    }

    /// The finished batch.
    #[must_use]
    pub fn finish_batch(self, writes: Vec<Write>) -> Batch {
        Batch {
            writes,
            values: Values(self.values),
            once: None,
        }
    }

    /// The finished request.
    #[must_use]
    pub fn finish(self, read: Read) -> Request {
        Request {
            read: read.into(),
            values: Values(self.values),
        }
    }
}
