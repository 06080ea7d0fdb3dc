//! Diglot: a database as a data server that speaks GraphQL and REST, from one plan, under one set of rules.
//!
//! ```text
//! HTTP ─► auth ─► a front parses ─► request IR ─► rules (resolve, authorize) ─► plan ─► sql ─► backend ─► outcome ─► the same front writes
//! ```

pub mod auth;
pub mod backend;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod engine;
pub mod error;
pub mod geometry;
pub mod graphql;
pub mod http;
pub mod ident;
pub mod memory;
pub mod pattern;
pub mod plan;
pub mod principal;
pub mod request;
pub mod rest;
pub mod rules;
pub mod sql;
pub mod telemetry;
pub mod turns;
pub mod value;
