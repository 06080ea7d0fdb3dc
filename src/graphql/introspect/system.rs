//! The types that every schema has for introspection itself, and the directives.

use crate::graphql::types::Wrap;

/// A field of an introspection type: name, type, wrapping, and whether it takes `includeDeprecated`.
pub(super) type SystemField = (&'static str, &'static str, Wrap, bool);

/// An introspection type.
pub(super) struct SystemType {
    pub name: &'static str,
    pub fields: &'static [SystemField],
    pub values: &'static [&'static str],
}

const P: Wrap = Wrap::Plain;
const R: Wrap = Wrap::Required;
const L: Wrap = Wrap::List;
const RL: Wrap = Wrap::RequiredList;

/// All of them, by name.
pub(super) const TYPES: [SystemType; 8] = [
    SystemType {
        name: "__Directive",
        fields: &[
            ("name", "String", R, false),
            ("description", "String", P, false),
            ("locations", "__DirectiveLocation", RL, false),
            ("args", "__InputValue", RL, true),
            ("isRepeatable", "Boolean", R, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__DirectiveLocation",
        fields: &[],
        values: &[
            "QUERY",
            "MUTATION",
            "SUBSCRIPTION",
            "FIELD",
            "FRAGMENT_DEFINITION",
            "FRAGMENT_SPREAD",
            "INLINE_FRAGMENT",
            "VARIABLE_DEFINITION",
            "SCHEMA",
            "SCALAR",
            "OBJECT",
            "FIELD_DEFINITION",
            "ARGUMENT_DEFINITION",
            "INTERFACE",
            "UNION",
            "ENUM",
            "ENUM_VALUE",
            "INPUT_OBJECT",
            "INPUT_FIELD_DEFINITION",
        ],
    },
    SystemType {
        name: "__EnumValue",
        fields: &[
            ("name", "String", R, false),
            ("description", "String", P, false),
            ("isDeprecated", "Boolean", R, false),
            ("deprecationReason", "String", P, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__Field",
        fields: &[
            ("name", "String", R, false),
            ("description", "String", P, false),
            ("args", "__InputValue", RL, true),
            ("type", "__Type", R, false),
            ("isDeprecated", "Boolean", R, false),
            ("deprecationReason", "String", P, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__InputValue",
        fields: &[
            ("name", "String", R, false),
            ("description", "String", P, false),
            ("type", "__Type", R, false),
            ("defaultValue", "String", P, false),
            ("isDeprecated", "Boolean", R, false),
            ("deprecationReason", "String", P, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__Schema",
        fields: &[
            ("description", "String", P, false),
            ("types", "__Type", RL, false),
            ("queryType", "__Type", R, false),
            ("mutationType", "__Type", P, false),
            ("subscriptionType", "__Type", P, false),
            ("directives", "__Directive", RL, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__Type",
        fields: &[
            ("kind", "__TypeKind", R, false),
            ("name", "String", P, false),
            ("description", "String", P, false),
            ("fields", "__Field", L, true),
            ("interfaces", "__Type", L, false),
            ("possibleTypes", "__Type", L, false),
            ("enumValues", "__EnumValue", L, true),
            ("inputFields", "__InputValue", L, true),
            ("ofType", "__Type", P, false),
            ("specifiedByURL", "String", P, false),
            ("isOneOf", "Boolean", P, false),
        ],
        values: &[],
    },
    SystemType {
        name: "__TypeKind",
        fields: &[],
        values: &[
            "SCALAR",
            "OBJECT",
            "INTERFACE",
            "UNION",
            "ENUM",
            "INPUT_OBJECT",
            "LIST",
            "NON_NULL",
        ],
    },
];

/// A directive: name, description, locations, and its argument: name, description, type, wrapping, default.
pub(super) struct SystemDirective {
    pub name: &'static str,
    pub description: &'static str,
    pub locations: &'static [&'static str],
    pub argument: (&'static str, &'static str, &'static str, Wrap, Option<&'static str>),
}

/// The directives of every schema.
pub(super) const DIRECTIVES: [SystemDirective; 4] = [
    SystemDirective {
        name: "deprecated",
        description: "Marks an element of the schema as no longer supported.",
        locations: &[
            "FIELD_DEFINITION",
            "ARGUMENT_DEFINITION",
            "INPUT_FIELD_DEFINITION",
            "ENUM_VALUE",
        ],
        argument: (
            "reason",
            "Why, and what to use instead.",
            "String",
            P,
            Some("\"No longer supported\""),
        ),
    },
    SystemDirective {
        name: "include",
        description: "Includes the field or fragment only when the argument is true.",
        locations: &["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
        argument: ("if", "Included when true.", "Boolean", R, None),
    },
    SystemDirective {
        name: "skip",
        description: "Leaves the field or fragment out when the argument is true.",
        locations: &["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"],
        argument: ("if", "Skipped when true.", "Boolean", R, None),
    },
    SystemDirective {
        name: "specifiedBy",
        description: "Says where the behaviour of a scalar is specified.",
        locations: &["SCALAR"],
        argument: ("url", "The address of the specification.", "String", R, None),
    },
];
