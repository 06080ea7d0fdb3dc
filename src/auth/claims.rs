//! A verified token's claims → role, roles that may be asked for, variables.

use super::refused;
use super::variables;
use crate::error::{Error, Result};
use crate::ident::Name;
use crate::principal::{Principal, Variable};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a token says of its bearer, after every check of the token itself.
#[derive(Debug)]
pub(super) struct Bearer {
    /// The role without a header that asks for another.
    pub(super) role: Name,
    /// Roles that may be asked for; `None`: the token lists none.
    pub(super) roles: Option<Vec<Name>>,
    /// Session variables.
    pub(super) variables: Arc<BTreeMap<String, Variable>>,
}

impl Bearer {
    /// The role of a request that asks for `requested`.
    pub(super) fn role(&self, requested: Option<&str>, role_header: &str) -> Result<Name> {
        let Some(requested) = requested else {
            return not_admin(self.role.clone());
        };
        if requested == self.role.as_str() {
            return not_admin(self.role.clone());
        }
        let listed = self.roles.iter().flatten().find(|role| role.as_str() == requested);
        match listed {
            Some(role) => not_admin(role.clone()),
            None => Err(Error::forbidden(format!(
                "the token does not allow the role {requested:?} that {role_header} asks for"
            ))
            .at(role_header)),
        }
    }
}

fn not_admin(role: Name) -> Result<Name> {
    if role.as_str() == Principal::ADMIN {
        return Err(Error::forbidden(
            "a token's claims never make an admin: send the admin secret, or a token of another role",
        ));
    }
    Ok(role)
}

/// Claims in Diglot's own form: `sub`, `role`, `roles`, and everything else a variable.
pub(super) fn plain(claims: &Map<String, Value>) -> Result<Bearer> {
    let mut found = BTreeMap::new();
    let mut role = Name::new(Principal::USER);
    let mut roles = None;
    for (key, value) in claims {
        match key.as_str() {
            "sub" => {}
            "role" => role = role_name(value, "role")?,
            "roles" => roles = Some(role_names(value, "roles")?),
            _ => {
                // Who the caller is comes from `sub` alone.
                let name = variables::name_of(key);
                if let Some(variable) = variables::from_claim(value).filter(|_| name != variables::ID) {
                    found.entry(name).or_insert(variable);
                }
            }
        }
    }
    if let Some(subject) = claims.get("sub") {
        found.insert(variables::ID.into(), variables::subject(subject)?);
    }
    Ok(Bearer {
        role,
        roles,
        variables: Arc::new(found),
    })
}

/// Claims in Hasura's form: an object (or its text) under `namespace`, whose keys have the headers' prefix.
pub(super) fn namespaced(claims: &Map<String, Value>, namespace: &str, prefix: &str) -> Result<Bearer> {
    let parsed;
    let object = match claims.get(namespace) {
        Some(Value::Object(object)) => object,
        Some(Value::String(text)) => {
            parsed = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| {
                refused(format!(
                    "the token's claim {namespace:?} is a text that is no JSON object"
                ))
            })?;
            &parsed
        }
        Some(_) => return Err(refused(format!("the token's claim {namespace:?} is no object"))),
        None => return Err(refused(format!("the token lacks the claim {namespace:?}"))),
    };
    let mut found = BTreeMap::new();
    let mut default = None;
    let mut allowed = None;
    for (key, value) in object {
        let lower = key.to_lowercase();
        let Some(suffix) = lower.strip_prefix(prefix) else {
            continue;
        };
        match suffix {
            "default-role" => default = Some(role_name(value, key)?),
            "allowed-roles" => allowed = Some(role_names(value, key)?),
            "role" | "" => {}
            _ => {
                let (name, variable) = match value {
                    Value::String(text) => variables::prefixed(suffix, text),
                    other => match variables::from_claim(other) {
                        Some(variable) if suffix == "user-id" => (variables::ID.into(), variable),
                        Some(variable) => (variables::name_of(suffix), variable),
                        None => continue,
                    },
                };
                found.insert(name, variable);
            }
        }
    }
    let role = default.ok_or_else(|| refused(format!("the token's claim {namespace:?} lacks {prefix}default-role")))?;
    if allowed
        .as_ref()
        .is_some_and(|allowed: &Vec<Name>| !allowed.contains(&role))
    {
        return Err(refused(format!(
            "the token's {prefix}default-role is not among its {prefix}allowed-roles"
        )));
    }
    Ok(Bearer {
        role,
        roles: allowed,
        variables: Arc::new(found),
    })
}

fn role_name(value: &Value, claim: &str) -> Result<Name> {
    match value.as_str() {
        Some(role) if !role.is_empty() => Ok(Name::new(role)),
        _ => Err(refused(format!("the token's claim {claim} is not the name of a role"))),
    }
}

fn role_names(value: &Value, claim: &str) -> Result<Vec<Name>> {
    let wrong = || refused(format!("the token's claim {claim} is not a list of role names"));
    value
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|role| role_name(role, claim).map_err(|_| wrong()))
        .collect()
}
