/** What the server says about the tables that the caller may see (`/playground/api/catalog`). */

export interface Column {
  name: string;
  type: string;
  nullable: boolean;
  /** The values of an enum column, in order; null for every other column. */
  enum: string[] | null;
}

export interface Relation {
  name: string;
  table: string;
  many: boolean;
  columns: string[];
  references: string[];
}

export interface Table {
  name: string;
  kind: string;
  comment: string | null;
  columns: Column[];
  key: string[];
  relations: Relation[];
}

export interface Catalog {
  role: string;
  tables: Table[];
}

/**
 * Names are compared without case and punctuation, because GraphQL may show a
 * name in camel case or with characters replaced that its alphabet lacks.
 */
function bare(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/** The item of exactly this name, else the only one that differs by case and punctuation alone. */
export function named<T extends { name: string }>(items: T[], name: string): T | null {
  const exact = items.find((item) => item.name === name);
  if (exact) return exact;
  const alike = items.filter((item) => bare(item.name) === bare(name));
  return alike.length === 1 ? alike[0]! : null;
}

/** What a root field of the read side asks for. */
export type RootKind = "list" | "one" | "aggregate" | "group" | "connection";

const ENDINGS: [string, RootKind][] = [
  ["_by_pk", "one"],
  ["_aggregate", "aggregate"],
  ["_group", "group"],
  ["_connection", "connection"],
];

/** The table and kind that a root field's name stands for; null where no table fits. */
export function rootOf(catalog: Catalog, field: string): { table: Table; kind: RootKind } | null {
  const whole = named(catalog.tables, field);
  if (whole) return { table: whole, kind: "list" };
  for (const [ending, kind] of ENDINGS) {
    const tail = bare(ending);
    if (!bare(field).endsWith(tail)) continue;
    // Cut by letters, not by characters: `bookByPk` and `book_by_pk` both leave `book`.
    let cut = field.length;
    while (cut > 0 && bare(field.slice(cut)).length < tail.length) cut -= 1;
    const table = named(catalog.tables, field.slice(0, cut).replace(/_+$/, ""));
    if (table) return { table, kind };
  }
  return null;
}
