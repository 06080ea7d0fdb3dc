import type { Cell, Change } from "../../question/change";
import type { Value } from "../../question/values";
import type { Written } from "../dialect";
import { Draft, body, id, omitBeyondChange, segment } from "../parts";
import { title } from "./read";

/** POST creates a row, PUT writes the one of a key, DELETE deletes it. */
export function write(change: Change): Written {
  const draft = new Draft(title);
  const path = `/api/${segment(change.table.name)}`;
  omitBeyondChange(draft, change);
  if (change.kind === "insert") return insert(draft, path, change);
  if (change.where) return draft.nothing(`${change.where} — one row at a time is written, by its key`);
  const row = id(change);
  if (row === null) return draft.nothing("The row’s key can’t stand in an address.");
  if (change.kind === "delete") {
    draft.remarks.push("The answer is the row that was.");
    return draft.send("DELETE", `${path}/${row}`, null);
  }
  const [set] = change.rows;
  if (!set?.length) return draft.nothing("Nothing is left that could be sent.");
  draft.remarks.push("Columns that are not sent stay as they are. Where there is no such row, PUT creates it for whoever may.");
  return draft.send("PUT", `${path}/${row}`, body(set));
}

function insert(draft: Draft, path: string, change: Change): Written {
  const [row, ...more] = change.rows;
  if (!row || more.length) return draft.nothing(`A request creates one row; the question creates ${change.rows.length}.`);
  const { conflict } = change;
  if (!conflict) return draft.send("POST", path, body(row));
  const others = row.filter((cell) => !change.table.key.includes(cell.column));
  const why = unsaid(change, others);
  const key = row.filter((cell) => !others.includes(cell)).map((cell): [string, Value] => [cell.column, cell.value]);
  const address = why ? null : id({ ...change, key });
  if (address === null) {
    draft.omit(conflict.text, why ?? "the row’s key can’t stand in an address");
    return draft.send("POST", path, body(row));
  }
  draft.remarks.push("PUT creates the row, or changes the one of this key: 201 or 200 says which.");
  return draft.send("PUT", `${path}/${address}`, body(others));
}

/** Why PUT is not what `on_conflict` asks for: it meets the key, and changes all that is sent. */
function unsaid(change: Change, others: Cell[]): string | null {
  const { columns, constraint, where } = change.conflict!;
  const { key } = change.table;
  if (where) return "PUT takes no condition";
  if (constraint !== null && !/_pkey$/i.test(constraint)) return "PUT meets the primary key only";
  if (!key.length || change.rows[0]!.length - others.length !== key.length) return "PUT wants the key in its address";
  const same = columns.length === others.length && others.every((cell) => columns.includes(cell.column));
  return same ? null : "PUT changes every column that is sent, no other";
}
