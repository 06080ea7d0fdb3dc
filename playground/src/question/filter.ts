import { type Table, named } from "../catalog";
import { type Value, isObject, written } from "./values";

/** A `where` argument as a tree without negations where they can be pushed inwards. */
export type Condition =
  | { is: "all"; parts: Condition[]; text: string }
  | { is: "any"; parts: Condition[]; text: string }
  | { is: "compare"; column: string; operator: Operator; value: Value; text: string }
  /** A part that no REST dialect has words for: relations, JSON, unknown names. */
  | { is: "beyond"; why: string; text: string };

const OPERATORS = [
  "eq", "neq", "gt", "gte", "lt", "lte", "in", "nin", "like", "ilike", "regex", "is_null",
] as const;
export type Operator = (typeof OPERATORS)[number];

/**
 * Negations that hold in three-valued logic as well: NOT (a = 1) and a <> 1
 * are both unknown for null, so the same rows pass.
 */
const OPPOSITE: Partial<Record<Operator, Operator>> = {
  eq: "neq", neq: "eq", gt: "lte", lte: "gt", lt: "gte", gte: "lt", in: "nin", nin: "in",
};

/** Reads a `where` argument against its table. */
export function condition(where: Value | undefined, table: Table): Condition {
  return read(where ?? {}, table, false);
}

function read(where: Value, table: Table, negated: boolean): Condition {
  if (!isObject(where)) return { is: "beyond", why: "not a condition", text: written(where) };
  const parts = Object.entries(where).map(([name, value]) => entry(name, value, table, negated));
  return join(negated ? "any" : "all", parts, written(where));
}

function entry(name: string, value: Value, table: Table, negated: boolean): Condition {
  const text = `${name}: ${written(value)}`;
  if (name === "_not") return read(value, table, !negated);
  if (name === "_and" || name === "_or") {
    const items = Array.isArray(value) ? value : [value];
    const kind = (name === "_and") === negated ? "any" : "all";
    return join(kind, items.map((item) => read(item, table, negated)), text);
  }
  const column = named(table.columns, name);
  if (!column) {
    const relation = named(table.relations, name.replace(/_?[aA]ggregate$/, ""));
    const why = relation ? "filters through a relation" : "names no column of the table";
    return { is: "beyond", why, text };
  }
  if (!isObject(value)) return { is: "beyond", why: "not a comparison", text };
  const comparisons = Object.entries(value).map(([sign, operand]) =>
    compare(column.name, sign, operand, negated));
  return join(negated ? "any" : "all", comparisons, text);
}

function compare(column: string, sign: string, value: Value, negated: boolean): Condition {
  const text = `${negated ? "not " : ""}${column}: {${sign}: ${written(value)}}`;
  const operator = OPERATORS.find((known) => `_${known}` === sign);
  if (!operator) return { is: "beyond", why: `the comparison ${sign}`, text };
  if (!negated) return { is: "compare", column, operator, value, text };
  if (operator === "is_null") return { is: "compare", column, operator, value: value !== true, text };
  const opposite = OPPOSITE[operator];
  if (!opposite) return { is: "beyond", why: `the negation of ${sign}`, text };
  return { is: "compare", column, operator: opposite, value, text };
}

/** Joins parts, unfolding those of the same kind and single ones. */
function join(is: "all" | "any", parts: Condition[], text: string): Condition {
  if (parts.length === 1) return parts[0]!;
  const flat = parts.flatMap((part) => (part.is === is ? part.parts : [part]));
  return { is, parts: flat, text };
}

/** The conditions that must all hold; an empty list is no condition. */
export function conjuncts(condition: Condition): Condition[] {
  return condition.is === "all" ? condition.parts : [condition];
}
