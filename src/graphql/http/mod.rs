//! GraphQL over HTTP.

mod call;
mod negotiate;
mod persisted;

use super::GraphQl;
use super::document::operation_type;
use super::error::{Fault, FaultCode};
use super::execute::{Answer, Call, Content};
use super::introspect::Told;
use crate::engine::Delivery;
use crate::memory::Pieces;
use crate::principal::Principal;
use crate::request::{Batch, Builder, Once};
use async_graphql_parser::types::OperationType;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use call::Calls;
use negotiate::Media;

/// A refusal before anything is executed: its status, and what is wrong.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    fault: Fault,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, Fault::new(FaultCode::BAD_REQUEST, message))
    }

    fn of(status: StatusCode, fault: Fault) -> Self {
        Self { status, fault }
    }
}

impl GraphQl {
    /// Answers a request to the endpoint.
    pub async fn handle(
        &self,
        principal: &Principal,
        method: &Method,
        query_string: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response {
        let media = match negotiate::accept(headers) {
            Ok(media) => media,
            Err(refusal) => return refused(Media::Json, &refusal),
        };
        let once = match once(method, query_string, headers, &body) {
            Ok(once) => once,
            Err(error) => return self.error_response(&error, headers),
        };
        match self.calls(method, query_string, headers, body).await {
            Err(refusal) => refused(media, &refusal),
            Ok(Calls::One(call)) => {
                let room = self.road.room();
                let answer = self
                    .answer_call(principal, call, method != Method::POST, Delivery::Stream(&room), once)
                    .await;
                match answer {
                    Ok(answer) => written(media, answer, negotiate::takes_gzip(headers)),
                    Err(refusal) => refused(media, &refusal),
                }
            }
            Ok(Calls::Batch(calls)) => {
                if let Some(once) = &once
                    && let Err(error) = self.begin_batch(principal, &calls, once).await
                {
                    return self.error_response(&error, headers);
                }
                let room = self.road.room();
                let mut body = Pieces::from(&b"["[..]);
                let (mut later, mut replayed) = (false, true);
                for (index, call) in calls.into_iter().enumerate() {
                    if index > 0 {
                        body.write(b",");
                    }
                    let once = once.as_ref().map(|once| once.part(index));
                    let answer = match call {
                        Ok(call) => {
                            self.answer_call(principal, call, false, Delivery::Whole(&room), once)
                                .await
                        }
                        Err(refusal) => Err(refusal),
                    };
                    let answer = answer.unwrap_or_else(|refusal| Answer::refusal(&[refusal.fault]));
                    later |= answer.later;
                    replayed &= answer.replayed;
                    match answer.content.whole(&room) {
                        Ok(json) => body.append(json),
                        Err(error) => return self.error_response(&error, headers),
                    }
                }
                body.write(b"]");
                written(
                    media,
                    Answer {
                        later,
                        replayed,
                        ..Answer::of(Content::Whole(body))
                    },
                    false,
                )
            }
        }
    }

    /// A refusal from before the front, such as a credential that is not valid, in GraphQL's form.
    #[must_use]
    pub fn error_response(&self, error: &crate::error::Error, headers: &HeaderMap) -> Response {
        let media = negotiate::accept(headers).unwrap_or(Media::Json);
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        refused(media, &Refusal::of(status, Fault::of(error)))
    }

    async fn calls(
        &self,
        method: &Method,
        query_string: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Calls, Refusal> {
        match *method {
            Method::GET | Method::HEAD => call::from_query(query_string.unwrap_or_default()).map(Calls::One),
            Method::POST => {
                negotiate::content_type(headers)?;
                call::from_body(body, self.settings.limits.batch).await
            }
            _ => Err(Refusal::of(
                StatusCode::METHOD_NOT_ALLOWED,
                Fault::new(FaultCode::BAD_REQUEST, "GraphQL is asked with GET or POST"),
            )),
        }
    }

    /// Keeps the key of several operations, each of which then happens once by itself: with the same key another list of
    /// them is refused before any of it happens.
    async fn begin_batch(
        &self,
        principal: &Principal,
        calls: &[Result<call::Raw, Refusal>],
        once: &Once,
    ) -> crate::error::Result<()> {
        // What is kept as a persisted document may be one.
        let may_write = |call: &call::Raw| call.query.as_ref().is_none_or(|query| query.contains("mutation"));
        if !calls.iter().flatten().any(may_write) {
            return Ok(());
        }
        let batch = Batch {
            once: Some(once.clone()),
            ..Builder::new().finish_batch(Vec::new())
        };
        let scene = self.road.scene(principal.role.as_str());
        self.road.write(&scene, principal, batch).await.map(|_| ())
    }

    async fn answer_call(
        &self,
        principal: &Principal,
        call: call::Raw,
        get: bool,
        delivery: Delivery<'_>,
        once: Option<Once>,
    ) -> Result<Answer, Refusal> {
        let query = self.resolve(&call)?;
        if get && (query.contains("mutation") || query.contains("subscription")) {
            let kind = operation_type(&query, call.operation_name.as_deref(), &self.settings.limits);
            if kind.is_some_and(|kind| kind != OperationType::Query) {
                return Err(Refusal::of(
                    StatusCode::METHOD_NOT_ALLOWED,
                    Fault::new(FaultCode::BAD_REQUEST, "only queries can be sent with GET, use POST"),
                ));
            }
        }
        let call = Call {
            query,
            operation_name: call.operation_name,
            variables: call.variables,
            once,
        };
        Ok(self.answer(principal, &call, delivery).await)
    }
}

fn written(media: Media, answer: Answer, gzip: bool) -> Response {
    let own = answer.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = match media {
        _ if let Some(own) = own => own,
        _ if answer.later => StatusCode::SERVICE_UNAVAILABLE,
        Media::GraphQl if answer.too_large => StatusCode::PAYLOAD_TOO_LARGE,
        Media::GraphQl if answer.refused => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let mut response = response(status, media, answer.content, gzip);
    // What waits for the database, or for the first with the same key.
    if answer.later || status == StatusCode::CONFLICT {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if answer.replayed {
        let replayed = HeaderName::from_static(Once::REPLAYED);
        response
            .headers_mut()
            .insert(replayed, HeaderValue::from_static("true"));
    }
    response
}

/// What a request with a key is known by. GET changes nothing, so a key means nothing there.
fn once(
    method: &Method,
    query_string: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> crate::error::Result<Option<Once>> {
    if *method != Method::POST {
        return Ok(None);
    }
    let query = query_string.unwrap_or_default();
    let said = [b"POST".as_slice(), b"graphql", query.as_bytes(), body];
    let values = headers.get_all(Once::HEADER);
    Once::read(values.iter().map(HeaderValue::as_bytes), &said)
}

fn refused(media: Media, refusal: &Refusal) -> Response {
    response(
        refusal.status,
        media,
        Answer::refusal(std::slice::from_ref(&refusal.fault)).content,
        false,
    )
}

fn response(status: StatusCode, media: Media, content: Content, gzip: bool) -> Response {
    let mut packed = false;
    let mut response = Response::new(match content {
        Content::Whole(body) => Body::new(body),
        Content::Told(Told::Short(json)) => Body::from(json),
        Content::Told(Told::Long(json)) if gzip => {
            packed = true;
            Body::from(json.gzip.clone())
        }
        Content::Told(Told::Long(json)) => Body::new(json.unpacking()),
        Content::Stream { before, stream, after } => Body::from_stream(stream.within(before, |_| after.into_bytes())),
    });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}
