//! The paths of `/auth`.

use super::answer;
use crate::rest::Document;
use crate::rest::openapi::{self, Refusals};
use serde_json::{Value, json};

/// The tag of the operations.
const TAG: &str = "auth";

pub(super) fn describe(document: &mut Document, refusals: &Refusals) {
    let text = json!({"type": "string"});
    let key = json!({"type": ["string", "integer"]});
    let email = json!({"type": ["string", "null"], "format": "email"});
    let user = document.schema(
        "auth.user",
        json!({
            "type": "object",
            "properties": {"id": key, "email": email, "username": text},
            "required": ["id", "email"],
        }),
    );
    let session = data(&json!({
        "type": "object",
        "properties": {"user": user, "accessToken": text, "refreshToken": text},
        "required": ["user", "accessToken", "refreshToken"],
    }));
    let session = document.schema("auth.session", session);
    let whole = json!({
        "type": "object",
        "properties": {"id": key, "email": email, "username": text, "createdAt": {"type": ["string", "null"]}},
        "required": ["id", "email", "createdAt"],
    });
    let done = data(&json!({
        "type": "object", "properties": {"success": {"const": true}}, "required": ["success"],
    }));
    let done = document.schema("auth.done", done);
    let password = json!({"type": "string", "minLength": 8, "maxLength": 1024, "format": "password"});
    let names = json!([{"required": ["email"]}, {"required": ["username"]}]);
    let named = |password: &Value, more: bool| {
        json!({
            "type": "object",
            "properties": {"email": {"type": "string", "format": "email"}, "username": text, "password": password},
            "required": ["password"],
            // Signing up takes further columns of the users table.
            "additionalProperties": more,
            "anyOf": names,
        })
    };
    let object = |properties: Value, required: &[&str]| {
        json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        })
    };
    let token = json!({"refreshToken": text});
    let changed = json!({"currentPassword": text, "newPassword": password});
    let ended = json!({
        "refreshToken": {"type": "string", "description": "Its session ends, as that of the access token does, if one is sent; both must be the same user's."},
        "all": {"type": "boolean", "default": false, "description": "Ends all sessions of the user."},
    });
    // What is sent along with these is not looked at.
    let nobody = json!([{}]);
    let user_only = json!([{"bearer": []}]);
    let anybody = json!([{}, {"bearer": []}]);
    for action in [
        Action {
            name: "signup",
            summary: "Sign up, and be signed in",
            sent: Some(named(&password, true)),
            security: &nobody,
            told: (201, "The user and the tokens.", &session),
            refused: &[400, 403, 409, 413, 415, 429],
        },
        Action {
            name: "signin",
            summary: "Sign in",
            sent: Some(named(&text, false)),
            security: &nobody,
            told: (200, "The user and the tokens.", &session),
            refused: &[400, 401, 413, 415, 429],
        },
        Action {
            name: "refresh",
            summary: "Get new tokens for a refresh token, which serves once",
            sent: Some(object(token, &["refreshToken"])),
            security: &nobody,
            told: (200, "The user and the new tokens.", &session),
            refused: &[400, 401, 413, 415],
        },
        Action {
            name: "signout",
            summary: "End the session",
            sent: Some(object(ended, &[])),
            security: &anybody,
            told: (200, "It has ended.", &done),
            refused: &[400, 401, 403, 413, 415],
        },
        Action {
            name: "password",
            summary: "Change the password, which ends the other sessions",
            sent: Some(object(changed, &["currentPassword", "newPassword"])),
            security: &user_only,
            told: (200, "It is changed.", &done),
            refused: &[400, 401, 403, 413, 415, 429],
        },
        Action {
            name: "me",
            summary: "Who is signed in",
            sent: None,
            security: &user_only,
            told: (200, "The user.", &data(&whole)),
            refused: &[401, 403],
        },
    ] {
        action.describe(document, refusals);
    }
}

struct Action<'a> {
    name: &'static str,
    summary: &'static str,
    sent: Option<Value>,
    security: &'a Value,
    told: (u16, &'static str, &'a Value),
    refused: &'static [u16],
}

impl Action<'_> {
    fn describe(self, document: &mut Document, refusals: &Refusals) {
        let (status, description, schema) = self.told;
        let told = json!({status.to_string(): answer(description, schema)});
        let mut operation = json!({"tags": [TAG], "summary": self.summary, "security": self.security});
        let method = if self.sent.is_none() { "get" } else { "post" };
        if let Some(sent) = self.sent {
            operation["requestBody"] = openapi::body(&sent);
            // All that signing out wants may stand in the token.
            operation["requestBody"]["required"] = sent
                .get("required")
                .is_some_and(|required| required != &json!([]))
                .into();
        }
        operation["responses"] = refusals.beside(document, told, self.refused);
        let path = format!("/{}/{}", super::super::account::ROOT, self.name);
        document.operation(method, &path, &format!("auth.{}", self.name), operation);
    }
}

/// Within the dialect's envelope.
fn data(schema: &Value) -> Value {
    json!({"type": "object", "properties": {"data": schema}, "required": ["data"]})
}
