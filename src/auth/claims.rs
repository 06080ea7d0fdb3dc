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
    let mut others = Vec::new();
    for (key, value) in claims {
        match key.as_str() {
            "sub" => {}
            "role" => role = role_name(value, "role")?,
            "roles" => roles = Some(role_names(value, "roles")?),
            _ => {
                // Who the caller is comes from `sub` alone.
                let name = variables::name_of(key);
                if name != variables::ID {
                    others.push((name, key.as_str(), value));
                }
            }
        }
    }
    for (name, (_, value)) in folded(others, str::to_owned)? {
        if let Some(variable) = variables::from_claim(value) {
            found.insert(name, variable);
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
    let mut claimed = Vec::new();
    for (key, value) in object {
        let lower = key.to_lowercase();
        if let Some(name) = lower.strip_prefix(prefix).and_then(variables::prefixed_name) {
            claimed.push((name, key.as_str(), value));
        }
    }
    let mut found = BTreeMap::new();
    let mut default = None;
    let mut allowed = None;
    for (name, (key, value)) in folded(claimed, |name| variables::wire_name(prefix, name))? {
        match name.as_str() {
            "default_role" => default = Some(role_name(value, key)?),
            "allowed_roles" => allowed = Some(role_names(value, key)?),
            "role" | "" => {}
            _ => {
                let variable = match value {
                    Value::String(text) => Some(variables::prefixed(&name, text)),
                    other => variables::from_claim(other),
                };
                if let Some(variable) = variable {
                    found.insert(name, variable);
                }
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

/// A claim's own spelling and its value.
type Claim<'a> = (&'a str, &'a Value);

/// Claims by the variable that they are: of several that are one variable the one in exactly the variable's spelling
/// counts. An issuer may let its users choose the names of some claims; none of those may stand for another.
fn folded<'a>(
    claims: Vec<(String, &'a str, &'a Value)>,
    spelling: impl Fn(&str) -> String,
) -> Result<BTreeMap<String, Claim<'a>>> {
    let mut found: BTreeMap<String, Vec<Claim<'a>>> = BTreeMap::new();
    for (name, key, value) in claims {
        found.entry(name).or_default().push((key, value));
    }
    found
        .into_iter()
        .map(|(name, claims)| {
            let exact = spelling(&name);
            match claims.as_slice() {
                [only] => Ok((name, *only)),
                [first, second, ..] => match claims.iter().find(|(key, _)| *key == exact) {
                    Some(claim) => Ok((name, *claim)),
                    None => Err(refused(format!(
                        "the token's claims {:?} and {:?} are both the variable {name:?}; spell one of them {exact:?}",
                        first.0, second.0
                    ))),
                },
                [] => Err(refused("a claim without a value")),
            }
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables, or why there are none.
    fn read(result: Result<Bearer>) -> std::result::Result<String, String> {
        let bearer = result.map_err(|error| error.message.to_string())?;
        let one = |(name, variable): (&String, &Variable)| match variable {
            Variable::Text(text) => format!("{name}={text}"),
            Variable::List(items) => format!("{name}=[{}]", items.join(",")),
        };
        Ok(bearer.variables.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn of_claims_for_one_variable_the_exact_spelling_counts() {
        for (claims, expected) in [
            (r#"{"TEAM":2,"team":1}"#, Ok("team=1")),
            (r#"{"team":1,"TEAM":2}"#, Ok("team=1")),
            (r#"{"org-id":2,"org_id":1,"ORG_ID":3}"#, Ok("org_id=1")),
            (r#"{"Team":2}"#, Ok("team=2")),
            (r#"{"sub":"7","ID":1,"Id":2,"id":3}"#, Ok("id=7")),
            (
                r#"{"TEAM":2,"Team":1}"#,
                Err(
                    "the token's claims \"TEAM\" and \"Team\" are both the variable \"team\"; spell one of them \"team\"",
                ),
            ),
        ] {
            let claims = serde_json::from_str(claims).unwrap();
            assert_eq!(
                read(plain(&claims)),
                expected.map(String::from).map_err(String::from),
                "{claims:?}"
            );
        }
    }

    #[test]
    fn the_callers_id_is_the_prefixed_user_id_alone() {
        for (claims, expected) in [
            (r#"{"x-hasura-user-id":"u1","x-hasura-id":"victim"}"#, Ok("id=u1")),
            (r#"{"x-hasura-id":"victim","x-hasura-user-id":"u1"}"#, Ok("id=u1")),
            (r#"{"x-hasura-id":"victim"}"#, Ok("")),
            (r#"{"X-Hasura-User-Id":"u2","x-hasura-user-id":"u1"}"#, Ok("id=u1")),
            (r#"{"X-Hasura-Org-Id":"{1,2}"}"#, Ok("org_id=[1,2]")),
            (
                r#"{"x-hasura-org-id":1,"x-hasura-org_id":2,"X-Hasura-Org-Id":3}"#,
                Ok("org_id=1"),
            ),
            (r#"{"X-Hasura-Default-Role":"editor"}"#, Ok("")),
            (
                r#"{"X-Hasura-User-Id":"u2","X-HASURA-USER-ID":"u1"}"#,
                Err(
                    "the token's claims \"X-Hasura-User-Id\" and \"X-HASURA-USER-ID\" are both the variable \"id\"; spell one of them \"x-hasura-user-id\"",
                ),
            ),
        ] {
            let mut object: Map<String, Value> = serde_json::from_str(claims).unwrap();
            object.insert("x-hasura-default-role".into(), "user".into());
            let claims = Map::from_iter([("ns".to_owned(), Value::Object(object))]);
            let result = namespaced(&claims, "ns", "x-hasura-");
            if let Ok(bearer) = &result {
                assert_eq!(bearer.role.as_str(), "user");
            }
            assert_eq!(
                read(result),
                expected.map(String::from).map_err(String::from),
                "{claims:?}"
            );
        }
    }
}
