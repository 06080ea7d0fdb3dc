//! Definitions for async-graphql: the complete schema of a role, or just so much of it as a document names.

use super::usage::Usage;
use crate::graphql::types::{Input, Key, Kind, Ref, ScalarKind, Types, Wrap};
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, InputObject, InputValue, Object, Scalar, Schema, SchemaBuilder, SchemaError,
    TypeRef,
};
use async_graphql::extensions::ExtensionFactory;

/// A field that no document can name: objects must have one.
const UNNAMEABLE: &str = " ";

/// A schema builder with everything that a document uses; other types that those refer to are there by name alone.
pub(super) fn of_usage(types: Types<'_>, usage: &Usage<'_>) -> SchemaBuilder {
    let mutates = usage.types().any(|key| key == Key::Mutation);
    let mut builder = begin(types, mutates);
    for key in usage.types() {
        if !types.is_specified(key) {
            builder = register(builder, types, key, Some(usage));
        }
    }
    builder
}

fn begin(types: Types<'_>, mutates: bool) -> SchemaBuilder {
    let query = types.names.type_name(Key::Query);
    let mutation = mutates.then(|| types.names.type_name(Key::Mutation));
    Schema::build(&query, mutation.as_deref(), None)
}

/// The complete schema.
///
/// # Errors
/// Only if the definitions are not a valid schema, which would be a fault of ours.
#[cfg(test)]
pub(crate) fn complete(types: Types<'_>) -> Result<Schema, SchemaError> {
    builder_of_all(types).finish()
}

/// The complete schema, for validation alone.
///
/// # Errors
/// As [`complete`].
#[cfg(test)]
pub(crate) fn complete_validator(types: Types<'_>) -> Result<(Schema, super::Capture), SchemaError> {
    let capture = super::Capture::default();
    Ok((finish(builder_of_all(types), true, capture.clone())?, capture))
}

/// A builder with every type.
#[cfg(test)]
pub(super) fn builder_of_all(types: Types<'_>) -> SchemaBuilder {
    let mut builder = begin(types, types.exists(Key::Mutation));
    for (_, key) in types.all() {
        if !types.is_specified(key) {
            builder = register(builder, types, key, None);
        }
    }
    builder
}

/// Finishes a builder for validation alone.
pub(super) fn finish(
    builder: SchemaBuilder,
    introspection: bool,
    extension: impl ExtensionFactory,
) -> Result<Schema, SchemaError> {
    let builder = if introspection {
        builder
    } else {
        builder.disable_introspection()
    };
    builder
        .disable_suggestions()
        .limit_recursive_depth(super::NESTING * 2)
        .extension(extension)
        .finish()
}

fn register(builder: SchemaBuilder, types: Types<'_>, key: Key, usage: Option<&Usage<'_>>) -> SchemaBuilder {
    let name = types.names.type_name(key);
    match types.kind(key) {
        Kind::Object => {
            let fields = match usage {
                Some(usage) => usage.fields(types, key),
                None => types.fields(key),
            };
            let mut object = Object::new(name);
            if fields.is_empty() {
                object = object.field(Field::new(UNNAMEABLE, TypeRef::named(TypeRef::STRING), nothing));
            }
            for field in fields {
                let mut out = Field::new(field.name, type_ref(types, field.ty), nothing);
                if usage.is_none()
                    && let Some(text) = field.description
                {
                    out = out.description(text);
                }
                for argument in types.arguments(field.meaning) {
                    out = out.argument(input_value(types, &argument, usage.is_none()));
                }
                object = object.field(out);
            }
            if usage.is_none()
                && let Some(text) = types.description(key)
            {
                object = object.description(text);
            }
            builder.register(object)
        }
        Kind::Input => {
            let inputs = match usage {
                Some(usage) => usage.inputs(types, key),
                None => types.inputs(key),
            };
            let object = inputs.iter().fold(InputObject::new(name), |object, input| {
                object.field(input_value(types, input, usage.is_none()))
            });
            builder.register(object)
        }
        Kind::Enum => {
            let mut out = Enum::new(name);
            for (value, description) in types.enum_values(key) {
                let mut item = EnumItem::new(value);
                if let Some(text) = description {
                    item = item.description(text);
                }
                out = out.item(item);
            }
            if usage.is_none()
                && let Some(text) = types.description(key)
            {
                out = out.description(text);
            }
            builder.register(out)
        }
        Kind::Scalar => {
            let Key::Scalar(id) = key else { return builder };
            let kind: ScalarKind = types.scalar(id).kind;
            builder.register(Scalar::new(name).validator(move |value| kind.takes(value, true)))
        }
    }
}

/// Data never passes resolvers.
fn nothing(_: async_graphql::dynamic::ResolverContext<'_>) -> FieldFuture<'_> {
    FieldFuture::Value(None)
}

fn input_value(types: Types<'_>, input: &Input<'_>, described: bool) -> InputValue {
    let out = InputValue::new(input.name, type_ref(types, input.ty));
    match input.description {
        Some(text) if described => out.description(text),
        _ => out,
    }
}

fn type_ref(types: Types<'_>, reference: Ref) -> TypeRef {
    let name = types.names.type_name(reference.key);
    match reference.wrap {
        Wrap::Plain => TypeRef::named(name),
        Wrap::Required => TypeRef::named_nn(name),
        Wrap::List => TypeRef::named_nn_list(name),
        Wrap::RequiredList => TypeRef::named_nn_list_nn(name),
        Wrap::Array => TypeRef::named_list(name),
        Wrap::RequiredArray => TypeRef::named_list_nn(name),
    }
}
