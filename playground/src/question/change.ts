import type { ArgumentNode, FieldNode } from "graphql";
import { type Catalog, type Column, type Table, named } from "../catalog";
import { conjuncts, condition } from "./filter";
import { type Given, given } from "./given";
import { type Value, written } from "./values";

/** A column that is written, with the JSON of its value. */
export interface Cell {
  column: string;
  /** Null where the caller may write the column without reading it: its type is not known here. */
  type: string | null;
  value: Value;
  json: string;
}

/** `on_conflict`: what happens where a row of the same key stands already. */
export interface Conflict {
  /** The constraint by name; null where the key is meant that the row names. */
  constraint: string | null;
  columns: string[];
  /** It holds a condition of its own. */
  where: boolean;
  text: string;
}

/** One root field of a mutation, in words that a REST dialect can translate. */
export interface Change {
  alias: string;
  field: string;
  text: string;
  table: Table;
  kind: "insert" | "update" | "delete";
  /** New rows of an insert; of an update one row: what is set. */
  rows: Cell[][];
  /** The one row that is changed or deleted; null where a condition chooses rows. */
  key: [column: string, value: Value][] | null;
  /** The condition that chooses rows, as it was written, where it is more than a key. */
  where: string | null;
  conflict: Conflict | null;
  /** Parts that no REST dialect has words for, each with its reason. */
  beyond: { text: string; why: string }[];
}

const ROOTS: [start: string, end: string, kind: Change["kind"], byKey: boolean][] = [
  ["insert", "_one", "insert", false],
  ["insert", "", "insert", false],
  ["update", "_by_pk", "update", true],
  ["update", "_many", "update", false],
  ["update", "", "update", false],
  ["delete", "_by_pk", "delete", true],
  ["delete", "", "delete", false],
];

/** Reads a root field of a mutation; null where no table fits its name. */
export function change(field: FieldNode, variables: Record<string, Value>, catalog: Catalog): Change | null {
  const name = field.name.value;
  for (const [start, end, kind, byKey] of ROOTS) {
    const table = tableIn(catalog, name, start, end);
    if (!table) continue;
    const about = { alias: field.alias?.value ?? name, field: name, text: "", table, kind };
    const result: Change = { ...about, rows: [], key: null, where: null, conflict: null, beyond: [] };
    for (const argument of field.arguments ?? []) {
      const value = given(argument.value, variables);
      if (value && value.value !== null) read(result, argument, value, byKey);
    }
    if (end === "_many") result.where ??= "updates";
    return result;
  }
  return null;
}

/** The table between a root's first word and its ending, in snake or camel case. */
function tableIn(catalog: Catalog, field: string, start: string, end: string): Table | null {
  const camel = end.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const tail = end && (field.endsWith(end) ? end : field.endsWith(camel) ? camel : null);
  if (!field.startsWith(start) || tail === null) return null;
  return named(catalog.tables, field.slice(start.length, field.length - tail.length).replace(/^_/, ""));
}

function read(change: Change, argument: ArgumentNode, value: Given, byKey: boolean): void {
  const { table } = change;
  const name = argument.name.value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const text = `${argument.name.value}: ${written(value.value)}`;
  if (change.kind === "insert" && (name === "objects" || name === "object")) {
    change.rows = value.items.map((row) => cells(change, row));
  } else if (change.kind === "insert" && name === "on_conflict") {
    change.conflict = conflict(table, value, text);
  } else if (name === "_set") {
    change.rows = [cells(change, value)];
  } else if (name === "pk_columns") {
    change.key = keyOf(table, value.members ?? []);
  } else if (name === "where") {
    change.key = keyInside(table, value.value);
    if (!change.key) change.where = text;
  } else if (byKey && change.kind === "delete") {
    change.key = [...(change.key ?? []), ...keyOf(table, [[argument.name.value, value]])];
  } else if (name === "updates") {
    change.where = text;
  } else {
    change.beyond.push({ text, why: "what a column becomes can’t be reckoned from what it is" });
  }
}

function keyOf(table: Table, members: [string, Given][]): [string, Value][] {
  return members.map(([name, value]) => [named(table.columns, name)?.name ?? name, value.value]);
}

/** A condition that says nothing but what the key is, as that key. */
function keyInside(table: Table, where: Value): [string, Value][] | null {
  const parts = conjuncts(condition(where, table));
  const equal = parts.flatMap((part): [string, Value][] =>
    part.is === "compare" && part.operator === "eq" ? [[part.column, part.value]] : []);
  const whole = equal.length === parts.length && equal.length === table.key.length
    && table.key.every((column) => equal.some(([own]) => own === column));
  return whole && table.key.length ? equal : null;
}

/** The columns of a row; relations and operators go to what can't be said. */
function cells(change: Change, row: Given): Cell[] {
  const result: Cell[] = [];
  for (const [name, value] of row.members ?? []) {
    const column: Column | null = named(change.table.columns, name);
    const relation = column ? null : named(change.table.relations, name);
    if (relation) {
      change.beyond.push({ text: `${name}: ${written(value.value)}`, why: "rows of other tables can’t be written along" });
    } else {
      // A column that is written and not read is in no catalog: its name stands as it was written.
      result.push({ column: column?.name ?? name, type: column?.type ?? null, value: value.value, json: value.json });
    }
  }
  return result;
}

function conflict(table: Table, value: Given, text: string): Conflict {
  const members = Object.fromEntries(value.members ?? []);
  const columns = members["update_columns"] ?? members["updateColumns"];
  const constraint = members["constraint"]?.value;
  return {
    constraint: typeof constraint === "string" ? constraint : null,
    columns: (columns?.items ?? []).map((item) => named(table.columns, String(item.value))?.name ?? String(item.value)),
    where: members["where"] !== undefined && members["where"].value !== null,
    text,
  };
}
