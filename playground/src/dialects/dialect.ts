import type { Root } from "../question/read";

/** What a dialect makes of one root field of the question. */
export interface Written {
  /** The request as the dialect writes it; null where it has no words at all. */
  request: { method: string; path: string } | null;
  /** Parts of the question that the request does not say, each in a plain sentence. */
  cannot: string[];
  /** Things worth knowing that do not change which rows come. */
  remarks: string[];
}

/**
 * A REST dialect: one file that exports one of these, and one line in
 * `index.ts`. Writes can be added as a second function beside `write`.
 */
export interface Dialect {
  /** As the server names it in `/playground/api/context`. */
  id: string;
  title: string;
  write(root: Root): Written;
  /** The rows in an answer's body; null where the body holds none. */
  rows(body: unknown): unknown[] | null;
}
