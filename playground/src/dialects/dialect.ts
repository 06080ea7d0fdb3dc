import type { Change } from "../question/change";
import type { Root } from "../question/read";

/** A request as a dialect writes it; `body` is JSON as it is sent. */
export interface Request {
  method: string;
  path: string;
  body: string | null;
}

/** What a dialect makes of one root field of the question. */
export interface Written {
  /** Null where the dialect has no words at all. */
  request: Request | null;
  /** Parts of the question that the request does not say, each in a plain sentence. */
  cannot: string[];
  /** Things worth knowing that do not change which rows come. */
  remarks: string[];
}

/** A REST dialect: a folder with one of these, and one line in `index.ts`. */
export interface Dialect {
  /** As the server names it in `/playground/api/context`. */
  id: string;
  title: string;
  /** A root field of a query. */
  read(root: Root): Written;
  /** A root field of a mutation. */
  write(change: Change): Written;
  /** All root fields of a mutation in one request, where the dialect has such. */
  together(changes: Change[]): Written | null;
  /** The rows in an answer's body; null where the body holds none. */
  rows(body: unknown): unknown[] | null;
}
