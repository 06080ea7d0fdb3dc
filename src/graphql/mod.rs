//! Placeholder while the front is merged.
use crate::engine::*; use crate::principal::Principal; use axum::http::*; use axum::response::Response; use bytes::Bytes; use std::sync::Arc;
/// x
pub struct GraphQl;
#[allow(missing_docs)]
impl GraphQl {
    pub fn new(_: Arc<Engine>, _: crate::config::GraphQl) -> Self { Self }
    pub async fn handle(&self, _: &Principal, _: &Method, _: Option<&str>, _: &HeaderMap, _: Bytes) -> Response { Response::default() }
    pub fn error_response(&self, _: &crate::error::Error, _: &HeaderMap) -> Response { Response::default() }
    pub fn requests(&self, _: &Snapshot, _: &Principal, _: &str, _: serde_json::Map<String, serde_json::Value>, _: Option<&str>) -> crate::error::Result<Vec<(String, crate::request::Request)>> { Ok(vec![]) }
}
