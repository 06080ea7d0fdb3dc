import { type GraphQLSchema, parse, print, validate } from "graphql";
import type { Catalog, Column, Table } from "./catalog";

/** A question made from the catalog. */
export interface Example {
  title: string;
  query: string;
  variables: string;
}

const NUMBER = /int|numeric|decimal|real|double|float|money|serial/i;
const TEXT = /char|text|string|citext/i;
const DATE = /date|time/i;
const WHOLE = /int|serial/i;

/**
 * Questions about one table, from simple to rich. Each is validated against
 * the caller's own schema, so none is offered that the server would refuse.
 */
export function examples(table: Table, catalog: Catalog, schema: GraphQLSchema): Example[] {
  const write = new Writer(schema, catalog);
  const found: (Example | null)[] = [
    write.rows(table), write.chosen(table), write.toOne(table), write.toMany(table),
    write.byKey(table), write.aggregate(table),
  ];
  return found.filter((example) => example !== null);
}

/** One question per table, the well-connected tables first: something to begin with. */
export function firstExamples(catalog: Catalog, schema: GraphQLSchema, most: number): Example[] {
  const order = [...catalog.tables].sort((a, b) => weight(b) - weight(a));
  const result: Example[] = [];
  for (const table of order) {
    const write = new Writer(schema, catalog);
    const example = write.toMany(table) ?? write.toOne(table) ?? write.rows(table);
    if (example) result.push({ ...example, title: `${table.name}, ${example.title.replace(/^[A-Z]/, (letter) => letter.toLowerCase())}` });
    if (result.length === most) break;
  }
  return result;
}

function weight(table: Table): number {
  const labelled = label(table).length > 1 ? 2 : 0;
  return Math.min(table.relations.length, 4) + labelled;
}

/** A few columns that tell rows apart: the key and what reads like a name. */
function label(table: Table): Column[] {
  const foreign = new Set(table.relations.filter((r) => !r.many).flatMap((r) => r.columns));
  const key = table.columns.filter((column) => table.key.includes(column.name)).slice(0, 2);
  const text = table.columns.filter(
    (column) => TEXT.test(column.type) && !column.enum && !foreign.has(column.name) && !key.includes(column));
  const known = text.find((column) => /title|name|label|subject|email/i.test(column.name)) ?? text[0];
  return known ? [...key, known] : key.length ? key : table.columns.slice(0, 2);
}

class Writer {
  constructor(private readonly schema: GraphQLSchema, private readonly catalog: Catalog) {}

  rows(table: Table): Example | null {
    const columns = table.columns.slice(0, 6).map((column) => column.name).join(" ");
    // Descending puts nulls first, so only a date that is always there says what is latest.
    const order = table.columns.find((column) => DATE.test(column.type) && !column.nullable);
    const by = order ? `, order_by: {${order.name}: desc}` : "";
    return this.example(`The ${order ? "latest" : "first"} ten`, `{ ${table.name}(limit: 10${by}) { ${columns} } }`);
  }

  chosen(table: Table): Example | null {
    const columns = names(label(table));
    const by = (where: string, shown: string, title: string): Example | null =>
      this.example(title, `{ ${table.name}(where: {${where}}, limit: 10) { ${merge(columns, shown)} } }`);
    const enumerated = table.columns.find((column) => column.enum?.length);
    if (enumerated) {
      const value = enumerated.enum![0]!;
      const filter = (literal: string): Example | null =>
        by(`${enumerated.name}: {_eq: ${literal}}`, enumerated.name, `Where ${enumerated.name} is ${value}`);
      return filter(value) ?? filter(JSON.stringify(value));
    }
    const number = table.columns.find(
      (column) => NUMBER.test(column.type) && !table.key.includes(column.name) && !this.foreign(table, column));
    if (number) return by(`${number.name}: {_gt: 1}`, number.name, `Where ${number.name} is above 1`);
    const text = label(table).find((column) => TEXT.test(column.type));
    return text ? by(`${text.name}: {_ilike: "%a%"}`, text.name, `Where ${text.name} contains an a`) : null;
  }

  toOne(table: Table): Example | null {
    const relation = table.relations.find((r) => !r.many && this.table(r.table));
    if (!relation) return null;
    const inner = names(label(this.table(relation.table)!)).join(" ");
    return this.example(`With its ${relation.name}`,
      `{ ${table.name}(limit: 10) { ${names(label(table)).join(" ")} ${relation.name} { ${inner} } } }`);
  }

  toMany(table: Table): Example | null {
    const relation = table.relations.find((r) => r.many && r.table !== table.name && this.table(r.table))
      ?? table.relations.find((r) => r.many && this.table(r.table));
    if (!relation) return null;
    const inner = names(label(this.table(relation.table)!)).join(" ");
    return this.example(`With rows of ${relation.name}`,
      `{ ${table.name}(limit: 5) { ${names(label(table)).join(" ")} ${relation.name}(limit: 3) { ${inner} } } }`);
  }

  byKey(table: Table): Example | null {
    const key = table.columns.find((column) => column.name === table.key[0]);
    if (!key || table.key.length !== 1 || !WHOLE.test(key.type)) return null;
    const columns = table.columns.slice(0, 6).map((column) => column.name).join(" ");
    return this.example("One by its key", `{ ${table.name}_by_pk(${key.name}: 1) { ${columns} } }`);
  }

  aggregate(table: Table): Example | null {
    const number = table.columns.find(
      (column) => NUMBER.test(column.type) && !table.key.includes(column.name) && !this.foreign(table, column));
    const more = number ? ` avg { ${number.name} } max { ${number.name} }` : "";
    const title = number ? `How many, and their ${number.name}` : "How many";
    return this.example(title, `{ ${table.name}_aggregate { aggregate { count${more} } } }`);
  }

  private foreign(table: Table, column: Column): boolean {
    return table.relations.some((relation) => !relation.many && relation.columns.includes(column.name));
  }

  private table(name: string): Table | undefined {
    return this.catalog.tables.find((table) => table.name === name);
  }

  /** Snake case first, then camel case, as the server's naming may be. */
  private example(title: string, text: string): Example | null {
    const camel = text.replace(/(?<=[a-z0-9])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    for (const candidate of [text, camel]) {
      try {
        const document = parse(candidate);
        if (!validate(this.schema, document).length) {
          return { title, query: `${print(document)}\n`, variables: "" };
        }
      } catch {
        // A name that GraphQL's alphabet lacks: no example rather than a wrong one.
      }
    }
    return null;
  }
}

function names(columns: Column[]): string[] {
  return columns.map((column) => column.name);
}

function merge(columns: string[], more: string): string {
  return [...new Set([...columns, more])].join(" ");
}
