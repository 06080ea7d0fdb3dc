import type { Cell, Change } from "../question/change";
import { asObject } from "../question/given";
import type { Root } from "../question/read";
import type { Value } from "../question/values";
import type { Written } from "./dialect";

/** A request being written: parameters in order, and what was left out. */
export class Draft {
  readonly parameters: string[] = [];
  readonly cannot: string[] = [];
  readonly remarks: string[] = [];

  constructor(readonly title: string) {}

  /** Adds `name=value`; the name is already safe, the value is encoded here. */
  add(name: string, value: string): void {
    this.parameters.push(`${name}=${encode(value)}`);
  }

  /** Notes that a part of the question has no words here. */
  omit(part: string, why: string): void {
    this.cannot.push(`${part} — ${why}`);
  }

  done(path: string): Written {
    const query = this.parameters.length ? `?${this.parameters.join("&")}` : "";
    return {
      request: { method: "GET", path: path + query, body: null }, cannot: this.cannot, remarks: this.remarks,
    };
  }

  /** A request that writes. */
  send(method: string, path: string, body: string | null): Written {
    return { request: { method, path, body }, cannot: this.cannot, remarks: this.remarks };
  }

  nothing(why: string): Written {
    return { request: null, cannot: [...this.cannot, why], remarks: [] };
  }
}

/** Percent-encodes, but leaves what is safe in a query and easier to read plain. */
export function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/'/g, "%27")
    .replace(/%(2C|3A|24|40|2F)/g, (whole) => decodeURIComponent(whole));
}

/** One segment of a path. */
export function segment(text: string): string {
  return encodeURIComponent(text).replace(/'/g, "%27");
}

/** A value as text in an address; null where an address can't carry it. */
export function plain(value: Value): string | null {
  return value === null || typeof value === "object" ? null : String(value);
}

/** The order as `-a,b`. Without one the key is named, so that pages of all fronts agree. */
export function order(draft: Draft, root: Root, most: number): void {
  const columns: string[] = [];
  for (const item of root.order) {
    if (columns.length === most) {
      draft.omit(item.text, `an order names at most ${most} columns`);
      continue;
    }
    columns.push((item.descending ? "-" : "") + item.column);
    if (item.nulls) draft.omit(item.text, "the place of nulls can’t be chosen");
  }
  if (!root.order.length && root.key.length === 0 && root.table.key.length) {
    columns.push(...root.table.key.slice(0, most));
    draft.remarks.push("The question names no order: the key’s order is written, so that pages agree.");
  }
  if (columns.length) draft.add("order", columns.join(","));
}

/** The limit: the question's own, or the largest page where it has none. */
export function limit(draft: Draft, root: Root, most: number): void {
  if (root.limit === null) {
    draft.add("limit", String(most));
    draft.remarks.push(`The question has no limit: the largest page, ${most} rows, is asked for.`);
  } else if (root.limit > most) {
    draft.add("limit", String(most));
    draft.omit(`limit: ${root.limit}`, `a page holds at most ${most} rows`);
  } else {
    draft.add("limit", String(root.limit));
  }
  if (root.offset) draft.add("offset", String(root.offset));
}

/** What stands in a question and in no REST dialect. */
export function omitBeyond(draft: Draft, root: Root): void {
  for (const part of root.beyond) draft.omit(part, `the ${draft.title} has no words for it`);
}

/** REST answers whole rows under the columns' own names. */
export function remarkColumns(draft: Draft, root: Root): void {
  if (root.rows && root.columns.length < root.table.columns.length) {
    draft.remarks.push("Columns can’t be chosen: the answer has every column that the caller may read.");
  }
}

/** What stands in a mutation and in no REST dialect. */
export function omitBeyondChange(draft: Draft, change: Change): void {
  for (const part of change.beyond) draft.omit(part.text, part.why);
}

/** A row's address below its table's; null where its key has no words there. */
export function id(change: Change): string | null {
  const { key, table } = change;
  if (!key?.length || (table.key.length && key.length !== table.key.length)) return null;
  const parts = (table.key.length ? table.key : key.map(([column]) => column))
    .map((column) => plain(key.find(([own]) => own === column)?.[1] ?? null));
  const escaped = parts.map((part) => (parts.length > 1 ? part?.replace(/[\\,]/g, "\\$&") : part) ?? null);
  return escaped.includes(null) ? null : segment(escaped.join(","));
}

/** A row as the JSON that is sent for it. */
export function body(row: Cell[]): string {
  return asObject(row.map(({ column, json }) => [column, json]));
}

/** The member of an answer's body that is an array of rows, or the body's single row. */
export function list(body: unknown, member: string): unknown[] | null {
  if (typeof body !== "object" || body === null) return null;
  const inner = (body as Record<string, unknown>)[member];
  return Array.isArray(inner) ? inner : null;
}
