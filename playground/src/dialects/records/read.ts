import { type Condition, type Operator, conjuncts } from "../../question/filter";
import type { Root } from "../../question/read";
import type { Written } from "../dialect";
import { Draft, encode, limit, omitBeyond, order, plain, remarkColumns, segment } from "../parts";

/** The dialect's name on the page. */
export const title = "Records API (TrailBase)";

const LARGEST_PAGE = 1024;
const LARGEST_ORDER = 5;

const SIGNS: Partial<Record<Operator, string>> = {
  neq: "$ne", gt: "$gt", gte: "$gte", lt: "$lt", lte: "$lte", like: "$like", ilike: "$like", regex: "$re",
};

/** `/api/records/v1/{name}?filter[column][$sign]=value` */
export function read(root: Root): Written {
  const draft = new Draft(title);
  const path = `/api/records/v1/${segment(root.table.name)}`;
  if (root.kind === "group") return draft.nothing("Groups can’t be asked for.");
  omitBeyond(draft, root);
  remarkColumns(draft, root);

  if (root.kind === "one") {
    const [first] = root.key;
    const id = first ? plain(first[1]) : null;
    expand(draft, root);
    if (root.key.length === 1 && id !== null) return draft.done(`${path}/${segment(id)}`);
    draft.remarks.push("A key of several columns is written as a list with filters.");
    for (const [column, value] of root.key) draft.add(`filter[${encode(column)}]`, plain(value) ?? "");
    return draft.done(path);
  }

  filters(draft, root.filter);
  if (!root.rows) {
    if (!root.count) return draft.nothing("Of aggregates only the number of rows can be asked for.");
    draft.add("limit", "0");
    draft.add("count", "true");
    draft.remarks.push("The number of rows is the answer’s “total_count”.");
    return draft.done(path);
  }
  if (root.count) draft.add("count", "true");
  order(draft, root, LARGEST_ORDER);
  limit(draft, root, LARGEST_PAGE);
  expand(draft, root);
  return draft.done(path);
}

/**
 * The outermost “and” needs no group: filters side by side are joined by it.
 * What would repeat a parameter goes into `$and`, because a name may stand once only.
 */
function filters(draft: Draft, condition: Condition): void {
  const used = new Set<string>();
  let group = 0;
  const parts = spread(condition);
  for (const part of parts) {
    const why = unsaid(part);
    if (why) {
      draft.omit(part.text, why);
      continue;
    }
    const place = part.is === "any" ? "$or" : part.is === "compare" ? `${part.column} ${sign(part)}` : "";
    if (used.has(place)) nested(draft, `filter[$and][${group++}]`, part);
    else nested(draft, "filter", part, parts);
    used.add(place);
    caseless(draft, part);
  }
}

/** The parts that must all hold, `_nin` as one `_neq` per value. */
function spread(condition: Condition): Condition[] {
  return conjuncts(condition).flatMap((part) => {
    const whole = unlist(part);
    return whole.is === "all" ? whole.parts : [whole];
  });
}

function unlist(part: Condition): Condition {
  if (part.is === "compare" && part.operator === "nin" && Array.isArray(part.value)) {
    const { column, text } = part;
    return {
      is: "all", text,
      parts: part.value.map((value) => ({ is: "compare", column, operator: "neq", value, text })),
    };
  }
  return part.is === "all" || part.is === "any" ? { ...part, parts: part.parts.map(unlist) } : part;
}

/** Why a part can't be said; null where it can. Half a group would be another question. */
function unsaid(part: Condition): string | null {
  if (part.is === "beyond") return part.why;
  if (part.is === "compare") {
    if (part.operator === "in" && Array.isArray(part.value) && !part.value.length) {
      return "an empty list has no words";
    }
    const values = Array.isArray(part.value) ? part.value : [part.value];
    return values.some((value) => plain(value) === null) ? "an address can’t carry this value" : null;
  }
  if (part.is === "any" && !part.parts.length) return "an empty “or” has no words";
  for (const inner of part.parts) {
    const why = unsaid(inner);
    if (why) return `${inner.text}: ${why}`;
  }
  return null;
}

function nested(draft: Draft, at: string, part: Condition, beside: Condition[] = []): void {
  if (part.is === "compare") {
    const name = `${at}[${encode(part.column)}]`;
    if (part.operator === "in" && Array.isArray(part.value)) {
      part.value.forEach((item, index) => draft.add(`${name}[$in][${index}]`, String(item)));
    } else if (part.operator === "is_null") {
      draft.add(`${name}[$is]`, part.value === false ? "!NULL" : "NULL");
    } else {
      // `filter[c]=1` beside `filter[c][$gt]=0` would be a value and a group under one name.
      const shared = beside.some((other) => other !== part && other.is === "compare" && other.column === part.column);
      const short = shared && part.operator === "eq" ? "[$eq]" : sign(part);
      draft.add(name + short, String(part.value));
    }
  } else if (part.is !== "beyond") {
    const group = part.is === "any" ? "$or" : "$and";
    part.parts.forEach((inner, index) => nested(draft, `${at}[${group}][${index}]`, inner));
  }
}

function sign(part: Condition & { is: "compare" }): string {
  const known = SIGNS[part.operator];
  return known ? `[${known}]` : part.operator === "eq" ? "" : `[$${part.operator}]`;
}

/** `$like` compares without case, which is `_ilike`; `_like` finds fewer rows. */
function caseless(draft: Draft, part: Condition): void {
  if (part.is === "compare" && part.operator === "like") {
    draft.omit(part.text, "$like compares without case, so more rows may match");
  } else if (part.is === "all" || part.is === "any") {
    for (const inner of part.parts) caseless(draft, inner);
  }
}

function expand(draft: Draft, root: Root): void {
  const columns: string[] = [];
  for (const { relation, deeper, text } of root.nested) {
    if (relation.many) {
      draft.omit(text, "rows of a to-many relation can’t be read along");
    } else if (relation.columns.length !== 1 || !root.table.columns.some((c) => c.name === relation.columns[0])) {
      draft.omit(text, "only a relation of one column of this table can be expanded");
    } else {
      if (!columns.includes(relation.columns[0]!)) columns.push(relation.columns[0]!);
      for (const part of deeper) draft.omit(part, "a relation is expanded one level deep, as a whole");
    }
  }
  if (columns.length) {
    draft.add("expand", columns.join(","));
    draft.remarks.push("An expanded record stands below its foreign key’s column.");
  }
}
