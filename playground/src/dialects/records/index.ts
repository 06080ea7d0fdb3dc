import type { Dialect } from "../dialect";
import { list } from "../parts";
import { read, title } from "./read";
import { together, write } from "./write";

/** The Records API of TrailBase. */
export const records: Dialect = { id: "trailbase", title, read, write, together, rows };

function rows(body: unknown): unknown[] | null {
  const many = list(body, "records");
  if (many) return many;
  const known = ["records", "error", "ids"];
  const single = typeof body === "object" && body !== null && !known.some((name) => name in body) ? body : null;
  return single ? [single] : null;
}
