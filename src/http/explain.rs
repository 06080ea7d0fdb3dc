//! What would be run: predicate, plan and SQL of each root field, and of a write its checks and presets.

use crate::engine::{Engine, Snapshot};
use crate::error::{Code, Error, Result};
use crate::graphql::GraphQl;
use crate::ident::Name;
use crate::principal::{Credential, Principal, Variable};
use crate::request::Demand;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A question to explain.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Asked {
    /// The document.
    pub query: String,
    /// Its variables.
    pub variables: Option<Map<String, Value>>,
    /// Which operation of it.
    pub operation_name: Option<String>,
    /// For whom.
    pub principal: Whom,
}

/// For whom a request is explained.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whom {
    /// The role; without one the admin.
    pub role: Option<String>,
    /// Session variables.
    pub variables: Map<String, Value>,
}

impl Whom {
    /// The principal that is meant.
    ///
    /// # Errors
    /// When a variable is neither a scalar nor a list of them.
    pub fn principal(&self) -> Result<Principal> {
        let mut principal = Principal::of_role(
            self.role.as_deref().unwrap_or(Principal::ADMIN),
            Credential::AdminSecret,
        );
        let mut variables = std::collections::BTreeMap::new();
        for (name, value) in &self.variables {
            let wrong = || {
                let message =
                    format!("principal.variables.{name} is neither a text, a number, a boolean nor a list of them");
                Error::invalid(Code::INVALID_VALUE, message)
            };
            let scalar = |value: &Value| -> Result<Box<str>> {
                match value {
                    Value::String(text) => Ok(text.as_str().into()),
                    Value::Number(number) => Ok(number.to_string().into()),
                    Value::Bool(value) => Ok(value.to_string().into()),
                    _ => Err(wrong()),
                }
            };
            let variable = match value {
                Value::Null => continue,
                Value::Array(items) => Variable::List(items.iter().map(scalar).collect::<Result<_>>()?),
                other => Variable::Text(scalar(other)?),
            };
            variables.insert(name.to_lowercase().replace('-', "_"), variable);
        }
        principal.variables = Arc::new(variables);
        Ok(principal)
    }
}

/// What a GraphQL operation would do: see [`explain_demand`].
///
/// # Errors
/// What is wrong with the operation, as running it would say.
pub async fn explain(engine: &Engine, graphql: &GraphQl, asked: Asked) -> Result<Value> {
    let principal = asked.principal.principal()?;
    let snapshot = engine.snapshot();
    if snapshot.view(principal.role.as_str()).is_none() {
        let roles = snapshot.roles().map(Name::as_str);
        let role = principal.role.as_str();
        return Err(Error::unknown(
            crate::error::Kind::Invalid,
            Code::INVALID_VALUE,
            "role",
            role,
            None,
            roles,
        ));
    }
    let variables = asked.variables.unwrap_or_default();
    let operation = asked.operation_name.as_deref();
    let demand = graphql.demand(&snapshot, &principal, &asked.query, &variables, operation)?;
    explain_demand(engine, &snapshot, &principal, &demand).await
}

/// `{"roots":[{"name","predicate","plan","sql","parameters","explain"}]}`; a write has
/// `{"name","predicate","checks","presets","plan","statements":[{"purpose","sql","parameters","explain"}]}`.
///
/// # Errors
/// What running it would say, as far as that shows before.
pub async fn explain_demand(
    engine: &Engine,
    snapshot: &Snapshot,
    principal: &Principal,
    demand: &Demand,
) -> Result<Value> {
    let mut roots = Vec::new();
    match demand {
        Demand::Reads(requests) => {
            for (name, request) in requests {
                let explanation = engine.explain(snapshot, principal, request).await?;
                roots.push(root(name, &explanation)?);
            }
        }
        Demand::Writes(names, batch) => {
            let explanations = engine.explain_writes(snapshot, principal, batch).await?;
            for (name, explanation) in names.iter().zip(&explanations) {
                roots.push(root(name, explanation)?);
            }
        }
    }
    Ok(json!({ "roots": roots }))
}

fn root(name: &str, explanation: &impl Serialize) -> Result<Value> {
    let mut root = serde_json::to_value(explanation).map_err(Error::internal)?;
    if let Value::Object(root) = &mut root {
        root.shift_insert(0, "name".into(), name.into());
    }
    Ok(root)
}
