//! Tests of the whole front over a hand-made catalog.
