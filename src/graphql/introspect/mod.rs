//! Introspection, written straight from the role's types: no schema is built for it, so that 600 tables cost no memory
//! but the answer's.

mod system;
mod told;

pub(crate) use told::{Packed, Sheet, Told};

use super::coerce::Variables;
use super::convert::{Converter, Selected};
use super::error::Fault;
use super::types::{Key, Kind, Ref, Types, Wrap};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{Field, SelectionSet};
use async_graphql_value::ConstValue;
use system::{DIRECTIVES, SystemType, TYPES};

/// Most members that the answer to a document writes for each type of the schema, and at least for small ones: about twice
/// what the usual introspection needs.
const MEMBERS_PER_TYPE: usize = 400;
const MEMBERS: usize = 50_000;
/// Most lists of types, fields or values within each other; the usual introspection has two.
const LISTS: usize = 2;

type Sets<'s, 'd> = &'s [&'d Positioned<SelectionSet>];

/// `__schema` or `__type`.
pub(crate) struct Question<'d> {
    /// The type asked for; `None` is the schema.
    name: Option<String>,
    sets: Vec<&'d Positioned<SelectionSet>>,
}

impl<'d> Question<'d> {
    /// What a root field asks.
    pub(crate) fn new(root: &str, field: &Field, sets: Sets<'_, 'd>, variables: &Variables) -> Result<Self, Fault> {
        let name = if root == "__type" {
            match field.get_argument("name").and_then(|value| variables.fill(&value.node)) {
                Some(ConstValue::String(name)) => Some(name),
                _ => {
                    return Err(Fault::validation(
                        "Argument \"name\" of type \"String!\" must be a string.",
                    ));
                }
            }
        } else {
            None
        };
        Ok(Self {
            name,
            sets: sets.to_vec(),
        })
    }
}

#[derive(Clone, Copy)]
enum Named {
    Key(Key),
    System(usize),
}

#[derive(Clone, Copy)]
enum Layer {
    List,
    NonNull,
}

/// A type with what is around it, the outermost first.
#[derive(Clone, Copy)]
struct Node {
    named: Named,
    layers: &'static [Layer],
}

fn layers(wrap: Wrap) -> &'static [Layer] {
    match wrap {
        Wrap::Plain => &[],
        Wrap::Required => &[Layer::NonNull],
        Wrap::List => &[Layer::List, Layer::NonNull],
        Wrap::RequiredList => &[Layer::NonNull, Layer::List, Layer::NonNull],
        Wrap::Array => &[Layer::List],
        Wrap::RequiredArray => &[Layer::NonNull, Layer::List],
    }
}

/// An argument or input field as introspection shows it.
struct InputNode<'a> {
    name: &'a str,
    description: Option<&'a str>,
    node: Node,
    default: Option<&'a str>,
}

struct Writer<'w, 'c> {
    converter: &'w Converter<'c>,
    types: Types<'c>,
    out: &'w mut Sheet,
    /// Members that may still be written.
    left: &'w mut usize,
    lists: usize,
}

/// How many members all answers to a document may have together.
pub(crate) fn members(types: Types<'_>) -> usize {
    MEMBERS + MEMBERS_PER_TYPE * types.count()
}

/// Answers a question.
///
/// # Errors
/// The answer would have more than `left` members.
pub(crate) fn answer<'c>(
    converter: &Converter<'c>,
    question: &Question<'c>,
    left: &mut usize,
    out: &mut Sheet,
) -> Result<(), Fault> {
    let types = converter.types();
    let mut writer = Writer {
        converter,
        types,
        out,
        left,
        lists: 0,
    };
    match &question.name {
        None => writer.schema(&question.sets),
        Some(name) => {
            let named = match TYPES.iter().position(|own| own.name == name) {
                Some(index) => Some(Named::System(index)),
                None => types.named(name).map(Named::Key),
            };
            match named {
                Some(named) => writer.type_of(Node { named, layers: &[] }, &question.sets),
                None => {
                    writer.out.push("null");
                    Ok(())
                }
            }
        }
    }
}

impl<'c> Writer<'_, 'c> {
    fn text(&mut self, text: &str) {
        // Names are most of it.
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.out.push("\"");
            self.out.push(text);
            self.out.push("\"");
        } else {
            self.out.push(&serde_json::Value::from(text).to_string());
        }
    }

    fn maybe(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.out.push("null"),
        }
    }

    fn truth(&mut self, truth: bool) {
        self.out.push(if truth { "true" } else { "false" });
    }

    fn object(
        &mut self,
        typename: &str,
        sets: Sets<'_, 'c>,
        mut member: impl FnMut(&mut Self, &str, &Selected<'c>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.out.push("{");
        for (index, selected) in self.converter.collect(sets)?.iter().enumerate() {
            let Some(left) = self.left.checked_sub(1) else {
                return Err(Fault::validation("the answer to this introspection would be too large"));
            };
            *self.left = left;
            if index > 0 {
                self.out.push(",");
            }
            self.text(selected.key);
            self.out.push(":");
            match selected.field.name.node.as_str() {
                "__typename" => self.text(typename),
                name => member(self, name, selected)?,
            }
        }
        self.out.push("}");
        Ok(())
    }

    fn array<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.out.push("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(",");
            }
            each(self, item)?;
        }
        self.out.push("]");
        Ok(())
    }

    /// An array within which further ones multiply.
    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        each: impl FnMut(&mut Self, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.deeper()?;
        self.array(items, each)?;
        self.lists -= 1;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        if self.lists == LISTS {
            return Err(Fault::validation(format!(
                "introspection may hold at most {LISTS} lists of types, fields or values within each other"
            )));
        }
        self.lists += 1;
        Ok(())
    }

    fn schema(&mut self, sets: Sets<'_, 'c>) -> Result<(), Fault> {
        self.object("__Schema", sets, |own, name, selected| match name {
            "types" => {
                let mut all: Vec<(String, Named)> = own
                    .types
                    .all()
                    .into_iter()
                    .map(|(name, key)| (name, Named::Key(key)))
                    .collect();
                all.extend(
                    TYPES
                        .iter()
                        .enumerate()
                        .map(|(index, own)| (own.name.to_owned(), Named::System(index))),
                );
                own.list(all, |own, (_, named)| {
                    own.type_of(Node { named, layers: &[] }, &selected.sets)
                })
            }
            "queryType" => own.type_of(
                Node {
                    named: Named::Key(Key::Query),
                    layers: &[],
                },
                &selected.sets,
            ),
            "mutationType" if own.types.exists(Key::Mutation) => own.type_of(
                Node {
                    named: Named::Key(Key::Mutation),
                    layers: &[],
                },
                &selected.sets,
            ),
            "directives" => own.directives(&selected.sets),
            _ => {
                own.out.push("null");
                Ok(())
            }
        })
    }

    fn directives(&mut self, sets: Sets<'_, 'c>) -> Result<(), Fault> {
        self.array(&DIRECTIVES, |own, directive| {
            own.object("__Directive", sets, |own, name, selected| {
                match name {
                    "name" => own.text(directive.name),
                    "description" => own.text(directive.description),
                    "locations" => {
                        return own.array(directive.locations, |own, location| {
                            own.text(location);
                            Ok(())
                        });
                    }
                    "args" => {
                        let (name, description, ty, wrap, default) = directive.argument;
                        let node = own.system_node(ty, wrap);
                        let input = InputNode {
                            name,
                            description: Some(description),
                            node,
                            default,
                        };
                        return own.inputs(vec![input], &selected.sets);
                    }
                    _ => own.truth(false),
                }
                Ok(())
            })
        })
    }

    /// A type of the specification by name.
    fn system_node(&self, name: &str, wrap: Wrap) -> Node {
        let named = match TYPES.iter().position(|own| own.name == name) {
            Some(index) => Named::System(index),
            None => Named::Key(self.types.names.key_of(name).unwrap_or(Key::Query)),
        };
        Node {
            named,
            layers: layers(wrap),
        }
    }

    fn node(reference: Ref) -> Node {
        Node {
            named: Named::Key(reference.key),
            layers: layers(reference.wrap),
        }
    }

    fn type_of(&mut self, node: Node, sets: Sets<'_, 'c>) -> Result<(), Fault> {
        let outer = node.layers.first().copied();
        self.object("__Type", sets, |own, name, selected| {
            if let Some(layer) = outer {
                match name {
                    "kind" => own.text(match layer {
                        Layer::List => "LIST",
                        Layer::NonNull => "NON_NULL",
                    }),
                    "ofType" => {
                        let inner = Node {
                            layers: &node.layers[1..],
                            ..node
                        };
                        return own.type_of(inner, &selected.sets);
                    }
                    _ => own.out.push("null"),
                }
                return Ok(());
            }
            match node.named {
                Named::Key(key) => own.named_member(key, name, selected),
                Named::System(index) => own.system_member(&TYPES[index], name, selected),
            }
        })
    }

    fn named_member(&mut self, key: Key, name: &str, selected: &Selected<'c>) -> Result<(), Fault> {
        let kind = self.types.kind(key);
        match (name, kind) {
            ("kind", _) => self.text(match kind {
                Kind::Object => "OBJECT",
                Kind::Input => "INPUT_OBJECT",
                Kind::Enum => "ENUM",
                Kind::Scalar => "SCALAR",
            }),
            ("name", _) => self.text(&self.types.names.type_name(key)),
            ("description", _) => self.maybe(self.types.description(key)),
            ("fields", Kind::Object) => {
                let fields = self.types.fields(key);
                return self.list(fields, |own, field| {
                    let argument = |own: &Self| -> Vec<InputNode<'c>> {
                        own.types.arguments(field.meaning).iter().map(input_node).collect()
                    };
                    own.field(field.name, field.description, Self::node(field.ty), &argument, selected)
                });
            }
            ("interfaces", Kind::Object) => self.out.push("[]"),
            ("enumValues", Kind::Enum) => {
                let values = self.types.enum_values(key);
                return self.enum_values(values, selected);
            }
            ("inputFields", Kind::Input) => {
                let inputs: Vec<InputNode<'c>> = self.types.inputs(key).iter().map(input_node).collect();
                self.deeper()?;
                self.inputs(inputs, &selected.sets)?;
                self.lists -= 1;
            }
            ("isOneOf", Kind::Input) => self.truth(false),
            _ => self.out.push("null"),
        }
        Ok(())
    }

    fn system_member(&mut self, system: &'static SystemType, name: &str, selected: &Selected<'c>) -> Result<(), Fault> {
        let object = system.values.is_empty();
        match (name, object) {
            ("kind", _) => self.text(if object { "OBJECT" } else { "ENUM" }),
            ("name", _) => self.text(system.name),
            ("fields", true) => {
                return self.list(system.fields, |own, (name, ty, wrap, deprecated)| {
                    let argument = |own: &Self| -> Vec<InputNode<'c>> {
                        let node = own.system_node("Boolean", Wrap::Plain);
                        let input = InputNode {
                            name: "includeDeprecated",
                            description: None,
                            node,
                            default: Some("false"),
                        };
                        if *deprecated { vec![input] } else { Vec::new() }
                    };
                    own.field(name, None, own.system_node(ty, *wrap), &argument, selected)
                });
            }
            ("interfaces", true) => self.out.push("[]"),
            ("enumValues", false) => {
                let values = system.values.iter().map(|value| (*value, None)).collect();
                return self.enum_values(values, selected);
            }
            _ => self.out.push("null"),
        }
        Ok(())
    }

    fn enum_values(&mut self, values: Vec<(&str, Option<&str>)>, selected: &Selected<'c>) -> Result<(), Fault> {
        self.list(values, |own, (value, description)| {
            own.object("__EnumValue", &selected.sets, |own, name, _| {
                match name {
                    "name" => own.text(value),
                    "description" => own.maybe(description),
                    "isDeprecated" => own.truth(false),
                    _ => own.out.push("null"),
                }
                Ok(())
            })
        })
    }

    fn field(
        &mut self,
        name: &str,
        description: Option<&str>,
        node: Node,
        arguments: &dyn Fn(&Self) -> Vec<InputNode<'c>>,
        selected: &Selected<'c>,
    ) -> Result<(), Fault> {
        self.object("__Field", &selected.sets, |own, member, selected| {
            match member {
                "name" => own.text(name),
                "description" => own.maybe(description),
                "args" => {
                    let arguments = arguments(own);
                    return own.inputs(arguments, &selected.sets);
                }
                "type" => return own.type_of(node, &selected.sets),
                "isDeprecated" => own.truth(false),
                _ => own.out.push("null"),
            }
            Ok(())
        })
    }

    fn inputs(&mut self, inputs: Vec<InputNode<'_>>, sets: Sets<'_, 'c>) -> Result<(), Fault> {
        self.array(inputs, |own, input| {
            own.object("__InputValue", sets, |own, member, selected| {
                match member {
                    "name" => own.text(input.name),
                    "description" => own.maybe(input.description),
                    "type" => return own.type_of(input.node, &selected.sets),
                    "defaultValue" => own.maybe(input.default),
                    "isDeprecated" => own.truth(false),
                    _ => own.out.push("null"),
                }
                Ok(())
            })
        })
    }
}

fn input_node<'a>(input: &super::types::Input<'a>) -> InputNode<'a> {
    InputNode {
        name: input.name,
        description: input.description,
        node: Node {
            named: Named::Key(input.ty.key),
            layers: layers(input.ty.wrap),
        },
        default: None,
    }
}
