import type { Dialect } from "../dialect";
import { list } from "../parts";
import { read, title } from "./read";
import { write } from "./write";

/** The Tables API of Based. Each of its requests is a transaction of its own. */
export const based: Dialect = { id: "based", title, read, write, together: () => null, rows };

function rows(body: unknown): unknown[] | null {
  const many = list(body, "data");
  if (many) return many;
  const single = typeof body === "object" && body !== null ? (body as { data?: unknown }).data : null;
  return single ? [single] : null;
}
