import type { ValueNode } from "graphql";

export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

/** The plain value of an argument, variables put in. An absent variable is undefined. */
export function valueOf(node: ValueNode, variables: Record<string, Value>): Value | undefined {
  switch (node.kind) {
    case "Variable":
      return variables[node.name.value];
    case "NullValue":
      return null;
    case "IntValue":
    case "FloatValue": {
      // A number that JavaScript can't hold exactly keeps its digits as text.
      const number = Number(node.value);
      return node.kind === "FloatValue" || Number.isSafeInteger(number) ? number : node.value;
    }
    case "StringValue":
    case "EnumValue":
    case "BooleanValue":
      return node.value;
    case "ListValue":
      return node.values.map((item) => valueOf(item, variables) ?? null);
    case "ObjectValue": {
      const object: { [key: string]: Value } = {};
      for (const field of node.fields) {
        const value = valueOf(field.value, variables);
        if (value !== undefined) object[field.name.value] = value;
      }
      return object;
    }
  }
}

/** A value as GraphQL writes it, to name a part of the question in a message. */
export function written(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).map(([key, item]) => `${key}: ${written(item)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

export function isObject(value: Value | undefined): value is { [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
