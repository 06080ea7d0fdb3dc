import type { Cell, Change } from "../../question/change";
import { asObject } from "../../question/given";
import type { Written } from "../dialect";
import { Draft, body, id, omitBeyondChange, segment } from "../parts";
import { title } from "./read";

const MOST_RECORDS = 1024;
const MOST_OPERATIONS = 128;

/** POST creates one record or many, PATCH changes one, DELETE deletes one. */
export function write(change: Change): Written {
  const draft = new Draft(title);
  const path = `/api/records/v1/${segment(change.table.name)}`;
  const why = omit(draft, change);
  if (why) return draft.nothing(why);
  if (change.kind === "insert") {
    const rows = change.rows.map((row) => body(row.map(asSent)));
    if (rows.length > MOST_RECORDS) return draft.nothing(`A request creates at most ${MOST_RECORDS} records.`);
    draft.remarks.push(`The answer has the new ${rows.length === 1 ? "record’s id" : "records’ ids"} only.`);
    return draft.send("POST", path, rows.length === 1 ? rows[0]! : lines(rows));
  }
  draft.remarks.push("The answer is empty: its status says that it happened.");
  const address = `${path}/${id(change)!}`;
  if (change.kind === "delete") return draft.send("DELETE", address, null);
  return draft.send("PATCH", address, body(change.rows[0]!.map(asSent)));
}

/** All of a mutation's root fields as one transaction. */
export function together(changes: Change[]): Written {
  const draft = new Draft(title);
  const operations: string[] = [];
  for (const change of changes) {
    const why = omit(draft, change);
    if (why) return draft.nothing(`${change.alias}: ${why}`);
    operations.push(...operationsOf(change));
  }
  if (operations.length > MOST_OPERATIONS) return draft.nothing(`A transaction holds at most ${MOST_OPERATIONS} operations.`);
  draft.remarks.push("All of them happen or none; “ids” are those of the records created.");
  return draft.send("POST", "/api/transaction/v1/execute", asObject([["operations", lines(operations)]]));
}

function operationsOf(change: Change): string[] {
  const operation = (name: string, members: [string, string][]): string =>
    asObject([[name, asObject([["api_name", JSON.stringify(change.table.name)], ...members])]]);
  const record = (): [string, string] => ["record_id", JSON.stringify(decodeURIComponent(id(change)!))];
  switch (change.kind) {
    case "insert":
      return change.rows.map((row) => operation("Create", [["value", body(row.map(asSent))]]));
    case "update":
      return [operation("Update", [record(), ["value", body(change.rows[0]!.map(asSent))]])];
    case "delete":
      return [operation("Delete", [record()])];
  }
}

/** Notes what can't be said of a change; gives the reason where nothing is left of it. */
function omit(draft: Draft, change: Change): string | null {
  omitBeyondChange(draft, change);
  if (change.kind === "insert") {
    if (change.conflict) draft.omit(change.conflict.text, "what becomes of a key that is taken is in the table’s configuration (conflict)");
    return change.rows.length ? null : "There is no row to create.";
  }
  if (change.where) return `${change.where} — one record at a time is written, by its id`;
  if (id(change) === null) return "The record’s id can’t stand in an address.";
  return change.kind === "update" && !change.rows[0]?.length ? "Nothing is left that could be sent." : null;
}

/** Bytes are hexadecimal in GraphQL, and base64 for addresses here. */
function asSent(cell: Cell): Cell {
  const digits = cell.type === "bytea" && typeof cell.value === "string" ? /^\\x((?:[0-9a-f]{2})*)$/i.exec(cell.value)?.[1] : undefined;
  if (digits === undefined) return cell;
  const letters = (digits.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return { ...cell, json: JSON.stringify(btoa(letters.join("")).replace(/\+/g, "-").replace(/\//g, "_")) };
}

function lines(items: string[]): string {
  return `[\n  ${items.join(",\n  ")}\n]`;
}
