//! Tests of the whole front over a hand-made catalog.

mod convert;
mod documents;
mod fixture;
mod hostile;
mod http;
mod mutations;
mod schema;
mod templates;
