import {
  type DocumentNode, type FieldNode, type OperationDefinitionNode, type SelectionSetNode,
  GraphQLError, parse, print,
} from "graphql";
import { type Catalog, type Relation, type RootKind, type Table, named, rootOf } from "../catalog";
import { type Change, change } from "./change";
import { type Condition, condition } from "./filter";
import { type Value, isObject, valueOf, written } from "./values";

/** One column of an order; `nulls` only where the question says where they go. */
export interface Order {
  column: string;
  descending: boolean;
  nulls: "first" | "last" | null;
  text: string;
}

/** A relation that the question selects below a row. */
export interface Nested {
  relation: Relation;
  /** The relation is asked for with arguments, or with relations of its own. */
  deeper: string[];
  text: string;
}

/** One root field of the question, in words that a REST dialect can translate. */
export interface Root {
  alias: string;
  field: string;
  text: string;
  table: Table;
  kind: RootKind;
  /** For `one`: the key's columns and values. */
  key: [column: string, value: Value][];
  filter: Condition;
  order: Order[];
  limit: number | null;
  offset: number | null;
  columns: string[];
  nested: Nested[];
  /** Whether rows and their number are asked for. */
  rows: boolean;
  count: boolean;
  /** Parts that no REST dialect has words for, each with its reason. */
  beyond: string[];
}

/** A root field that stands for no table of the catalog. */
export interface Foreign {
  alias: string;
  field: string;
  text: string;
  why: string;
}

export type Question =
  | { ok: true; roots: (Root | Change | Foreign)[] }
  | { ok: false; message: string };

export function isRoot(root: Root | Change | Foreign): root is Root {
  return "filter" in root;
}

export function isChange(root: Root | Change | Foreign): root is Change {
  return "rows" in root && !isRoot(root);
}

/** Reads the editor's text, variables and chosen operation. */
export function question(
  text: string, variablesText: string, operationName: string | null, catalog: Catalog,
): Question {
  let document: DocumentNode;
  try {
    document = parse(text);
  } catch (error) {
    const at = error instanceof GraphQLError ? error.locations?.[0] : undefined;
    const place = at ? ` (line ${at.line}, column ${at.column})` : "";
    return { ok: false, message: `The question can't be read: ${(error as Error).message}${place}` };
  }
  const operations = document.definitions.filter((d) => d.kind === "OperationDefinition");
  const operation = operations.find((o) => o.name?.value === operationName) ?? operations[0];
  if (!operation) return { ok: false, message: "The document holds no operation." };
  let variables: Record<string, Value> = {};
  if (variablesText.trim()) {
    try {
      variables = JSON.parse(variablesText) as Record<string, Value>;
    } catch {
      return { ok: false, message: "The variables are not valid JSON." };
    }
  }
  const reader = new Reader(document, operation, variables, catalog);
  return { ok: true, roots: reader.roots() };
}

class Reader {
  private readonly variables: Record<string, Value>;

  constructor(
    private readonly document: DocumentNode,
    private readonly operation: OperationDefinitionNode,
    given: Record<string, Value>,
    private readonly catalog: Catalog,
  ) {
    this.variables = { ...given };
    for (const definition of operation.variableDefinitions ?? []) {
      const name = definition.variable.name.value;
      if (!(name in given) && definition.defaultValue) {
        this.variables[name] = valueOf(definition.defaultValue, {}) ?? null;
      }
    }
  }

  roots(): (Root | Change | Foreign)[] {
    return this.fields(this.operation.selectionSet)
      .filter((field) => !field.name.value.startsWith("__"))
      .map((field) => this.root(field));
  }

  private root(field: FieldNode): Root | Change | Foreign {
    const name = field.name.value;
    const about = { alias: field.alias?.value ?? name, field: name, text: print(field) };
    const { operation } = this.operation;
    if (operation === "mutation") {
      const found = change(field, this.variables, this.catalog);
      if (!found) return { ...about, why: `“${name}” writes no table that this caller can see.` };
      found.text = about.text;
      if (field.selectionSet) this.returning(found, field.selectionSet);
      return found;
    }
    if (operation !== "query") {
      return { ...about, why: `The REST tab translates queries and mutations; this is a ${operation}.` };
    }
    const found = rootOf(this.catalog, name);
    if (!found) return { ...about, why: `“${name}” is no table that this caller can see.` };
    const { table, kind } = found;
    const root: Root = {
      ...about, table, kind, key: [], filter: condition(undefined, table), order: [], limit: null,
      offset: null, columns: [], nested: [], rows: kind === "list" || kind === "one", count: false,
      beyond: [],
    };
    for (const argument of field.arguments ?? []) {
      const value = valueOf(argument.value, this.variables);
      if (value !== undefined && value !== null) this.argument(root, argument.name.value, value);
    }
    if (field.selectionSet) this.shape(root, field.selectionSet);
    return root;
  }

  /** Of what is asked about the rows written, columns alone are in any answer. */
  private returning(written: Change, selection: SelectionSetNode): void {
    for (const field of this.fields(selection)) {
      if (!field.selectionSet) continue;
      if (field.name.value === "returning") this.returning(written, field.selectionSet);
      else written.beyond.push({ text: flat(field), why: "relations can’t be read along" });
    }
  }

  private argument(root: Root, name: string, value: Value): void {
    const text = `${name}: ${written(value)}`;
    if (root.kind === "one") {
      root.key.push([named(root.table.columns, name)?.name ?? name, value]);
    } else if (name === "where") {
      root.filter = condition(value, root.table);
    } else if (name === "order_by" || name === "orderBy") {
      this.order(root, value);
    } else if (name === "limit" || (name === "first" && root.kind === "connection")) {
      root.limit = Number(value);
    } else if (name === "offset") {
      root.offset = Number(value);
    } else {
      root.beyond.push(text);
    }
  }

  private order(root: Root, value: Value): void {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (!isObject(item)) continue;
      for (const [name, direction] of Object.entries(item)) {
        const text = `order_by: {${name}: ${typeof direction === "string" ? direction : written(direction)}}`;
        const column = named(root.table.columns, name);
        if (!column || typeof direction !== "string") {
          root.beyond.push(text);
          continue;
        }
        const nulls = /nulls_?first/i.test(direction) ? "first" : /nulls_?last/i.test(direction) ? "last" : null;
        root.order.push({ column: column.name, descending: /^desc/i.test(direction), nulls, text });
      }
    }
  }

  /** Reads what is selected: rows directly, or below `nodes` and `edges { node }`. */
  private shape(root: Root, selection: SelectionSetNode): void {
    if (root.kind === "list" || root.kind === "one") {
      this.row(root, selection);
      return;
    }
    for (const field of this.fields(selection)) {
      const name = field.name.value;
      if (name === "nodes" && field.selectionSet) {
        root.rows = true;
        this.row(root, field.selectionSet);
      } else if (name === "edges") {
        for (const edge of field.selectionSet ? this.fields(field.selectionSet) : []) {
          if (edge.name.value === "node" && edge.selectionSet) {
            root.rows = true;
            this.row(root, edge.selectionSet);
          } else if (edge.name.value !== "__typename") {
            root.beyond.push(print(edge));
          }
        }
      } else if (name === "total_count" || name === "totalCount") {
        root.count = true;
      } else if (name === "aggregate" && root.kind === "aggregate") {
        for (const part of field.selectionSet ? this.fields(field.selectionSet) : []) {
          if (part.name.value === "count" && !part.arguments?.length) root.count = true;
          else if (part.name.value !== "__typename") root.beyond.push(flat(part));
        }
      } else if (name !== "__typename") {
        root.beyond.push(flat(field));
      }
    }
  }

  private row(root: Root, selection: SelectionSetNode): void {
    for (const field of this.fields(selection)) {
      const name = field.name.value;
      if (name === "__typename") continue;
      const column = field.selectionSet ? null : named(root.table.columns, name);
      if (column) {
        root.columns.push(column.name);
        if (field.arguments?.length) root.beyond.push(flat(field));
        continue;
      }
      const relation = named(root.table.relations, name);
      if (!relation) {
        root.beyond.push(flat(field));
        continue;
      }
      const deeper = (field.arguments ?? []).map((argument) => `${name}(${print(argument)})`);
      for (const inner of field.selectionSet ? this.fields(field.selectionSet) : []) {
        if (inner.selectionSet) deeper.push(`${name} { ${flat(inner)} }`);
      }
      root.nested.push({ relation, deeper, text: flat(field) });
    }
  }

  /** The fields of a selection with fragments put in and @skip and @include applied. */
  private fields(selection: SelectionSetNode, open: string[] = []): FieldNode[] {
    return selection.selections.flatMap((node) => {
      const off = (node.directives ?? []).some((directive) => {
        const argument = directive.arguments?.find((a) => a.name.value === "if");
        const value = argument ? valueOf(argument.value, this.variables) : undefined;
        return directive.name.value === "skip" ? value === true
          : directive.name.value === "include" && value === false;
      });
      if (off) return [];
      if (node.kind === "Field") return [node];
      if (node.kind === "InlineFragment") return this.fields(node.selectionSet, open);
      const name = node.name.value;
      const fragment = this.document.definitions.find(
        (d) => d.kind === "FragmentDefinition" && d.name.value === name);
      // A fragment that spreads itself is an error of the question; the server says so.
      if (fragment?.kind !== "FragmentDefinition" || open.includes(name)) return [];
      return this.fields(fragment.selectionSet, [...open, name]);
    });
  }
}

/** A field on one line. */
function flat(field: FieldNode): string {
  return print(field).replace(/\s+/g, " ");
}
