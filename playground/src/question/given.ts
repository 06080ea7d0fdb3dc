import type { ValueNode } from "graphql";
import { type Value, valueOf } from "./values";

/**
 * What is sent for a column or a row: its value, and its JSON with numbers as
 * they were written, because JavaScript rounds long ones.
 */
export interface Given {
  value: Value;
  json: string;
  /** The members of an object. */
  members: [name: string, given: Given][] | null;
  /** The items of a list; a single value is a list of one to GraphQL. */
  items: Given[];
}

/** An argument's value, variables put in; undefined where a variable is absent. */
export function given(node: ValueNode, variables: Record<string, Value>): Given | undefined {
  switch (node.kind) {
    case "Variable": {
      const value = variables[node.name.value];
      return value === undefined ? undefined : ofValue(value);
    }
    case "IntValue":
    case "FloatValue":
      return single(valueOf(node, variables) ?? null, node.value);
    case "ListValue":
      return list(node.values.map((item) => given(item, variables) ?? ofValue(null)));
    case "ObjectValue":
      return object(node.fields.flatMap((field): [string, Given][] => {
        const inner = given(field.value, variables);
        return inner ? [[field.name.value, inner]] : [];
      }));
    default:
      return ofValue(valueOf(node, variables) ?? null);
  }
}

function ofValue(value: Value): Given {
  if (Array.isArray(value)) return list(value.map(ofValue));
  if (typeof value === "object" && value !== null) {
    return object(Object.entries(value).map(([name, inner]) => [name, ofValue(inner)]));
  }
  return single(value, JSON.stringify(value));
}

function single(value: Value, json: string): Given {
  const one: Given = { value, json, members: null, items: [] };
  one.items = [one];
  return one;
}

function list(items: Given[]): Given {
  return { value: items.map((item) => item.value), json: `[${items.map((item) => item.json).join(", ")}]`, members: null, items };
}

function object(members: [string, Given][]): Given {
  const one: Given = {
    value: Object.fromEntries(members.map(([name, inner]) => [name, inner.value])),
    json: asObject(members.map(([name, inner]) => [name, inner.json])), members, items: [],
  };
  one.items = [one];
  return one;
}

/** JSON of an object from the JSON of its members. */
export function asObject(members: [name: string, json: string][]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(", ")}}`;
}
