import { type Condition, conjuncts } from "../../question/filter";
import type { Root } from "../../question/read";
import type { Written } from "../dialect";
import { Draft, encode, limit, omitBeyond, order, plain, remarkColumns, segment } from "../parts";

/** The dialect's name on the page. */
export const title = "Tables API (Based)";

const LARGEST_PAGE = 1000;
const RESERVED = ["limit", "offset", "order"];

/** `/api/{table}?column=value`, equality only. */
export function read(root: Root): Written {
  const draft = new Draft(title);
  const path = `/api/${segment(root.table.name)}`;
  if (root.kind === "group") return draft.nothing("Groups can’t be asked for.");
  omitBeyond(draft, root);
  for (const nested of root.nested) draft.omit(nested.text, "relations can’t be read along");
  remarkColumns(draft, root);

  if (root.kind === "one") {
    const [first] = root.key;
    const id = first ? plain(first[1]) : null;
    if (root.key.length === 1 && id !== null) return draft.done(`${path}/${segment(id)}`);
    draft.remarks.push("A key of several columns is written as a list with filters.");
    for (const [column, value] of root.key) equal(draft, column, plain(value), column);
    return draft.done(path);
  }

  const seen = new Map<string, string>();
  for (const part of conjuncts(root.filter)) filter(draft, part, seen);
  if (!root.rows) {
    if (!root.count) return draft.nothing("Of aggregates only the number of rows can be asked for.");
    draft.add("limit", "1");
    draft.remarks.push("The number of rows is the answer’s “total”.");
    return draft.done(path);
  }
  if (root.count) draft.remarks.push("The number of rows is the answer’s “total”.");
  order(draft, root, Number.MAX_SAFE_INTEGER);
  limit(draft, root, LARGEST_PAGE);
  return draft.done(path);
}

function filter(draft: Draft, part: Condition, seen: Map<string, string>): void {
  if (part.is === "any") {
    draft.omit(part.text, "filters are joined by “and” only");
  } else if (part.is === "beyond") {
    draft.omit(part.text, part.why);
  } else if (part.is === "compare") {
    const one = part.operator === "in" && Array.isArray(part.value) && part.value.length === 1;
    const value = plain(one ? (part.value as string[])[0]! : part.value);
    if ((part.operator !== "eq" && !one) || value === null) {
      draft.omit(part.text, "a filter compares by equality only");
    } else if (seen.has(part.column) && seen.get(part.column) !== value) {
      draft.omit(part.text, "a column is compared once only");
    } else if (!seen.has(part.column)) {
      seen.set(part.column, value);
      equal(draft, part.column, value, part.text);
    }
  }
}

function equal(draft: Draft, column: string, value: string | null, text: string): void {
  if (value === null) draft.omit(text, "an address can’t carry this value");
  else if (RESERVED.includes(column)) draft.omit(text, `“${column}” is a word of the dialect, not a column`);
  else draft.add(encode(column), value);
}
