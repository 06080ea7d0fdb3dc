//! HTTP: connections, what every answer has in common, and which path is whose.
//!
//! ```text
//! server (connections) ─► edge (ids, times, tags, logs) ─► app (routes, who asks) ─► a front
//! ```
//!
//! The table from kinds of errors to statuses is [`crate::error::Kind::status`], where the fronts can see it too.

mod answer;
mod app;
mod body;
mod catalog;
mod edge;
mod explain;
mod hosts;
mod idle;
mod metrics;
mod playground;
mod proxies;
mod route;
mod server;
mod stall;
mod watch;

pub use app::{App, Parts};
pub use catalog::{catalog_of, database_word};
pub use edge::{Edge, Exchange, Handler};
pub use explain::{Asked, Whom, explain, explain_demand};
pub use metrics::{Metrics, MetricsToken};
pub use proxies::Proxies;
pub use route::{path_segments, query_pairs};
pub use server::{IDLE, Limits, bind, serve};
pub use watch::Watch;
