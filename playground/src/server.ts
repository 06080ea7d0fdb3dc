import type { Catalog } from "./catalog";
import type { Caller, Header, Principal } from "./caller";
import { adminHeader, headers } from "./caller";

/** `/playground/api/context` */
export interface Context {
  graphql: string;
  dialects: string[];
  header_prefix: string;
  version: string;
}

/** One planned root of `/playground/api/explain`: a read, or with `statements` a write. */
export interface PlannedRoot {
  name: string;
  predicate?: unknown;
  checks?: Record<string, string>;
  presets?: Record<string, string>;
  plan: unknown;
  sql?: unknown;
  parameters?: Record<string, unknown>;
  explain?: unknown;
  statements?: PlannedStatement[];
}

/** A statement that would be run. */
export interface PlannedStatement {
  /** What it is for; null where it is the only one. */
  purpose: string | null;
  sql?: unknown;
  /** By the names of their marks in the statement. */
  parameters: Record<string, unknown>;
  explain?: unknown;
}

/** A failure in words that help: what happened, and what to do. */
export class Trouble extends Error {
  constructor(readonly title: string, readonly detail: string, readonly status: number | null) {
    super(`${title} ${detail}`);
  }
}

export interface Reply {
  status: number;
  statusText: string;
  milliseconds: number;
  text: string;
  /** The parsed body; undefined where it is not JSON. */
  json: unknown;
}

/** Sends a request; a body that is a text is JSON already. Only a server that can't be reached throws. */
export async function send(
  method: string, path: string, lines: Header[], body?: unknown, accept = "application/json",
): Promise<Reply> {
  const start = performance.now();
  const sent: Record<string, string> = { accept };
  for (const line of lines) sent[line.name] = line.value;
  if (body !== undefined) sent["content-type"] = "application/json";
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method, headers: sent, cache: "no-store", credentials: "omit", redirect: "error",
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
    text = await response.text();
  } catch (error) {
    // A header that HTTP can't carry fails here too, before anything is sent.
    if (error instanceof TypeError && /header|ByteString|ISO-8859/i.test(error.message)) {
      throw new Trouble("These credentials can’t be sent.", "A header holds letters that HTTP does not allow.", null);
    }
    throw new Trouble(
      "Diglot can’t be reached.",
      `No answer from ${location.origin}. Is the server still running?`, null);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const milliseconds = performance.now() - start;
  return { status: response.status, statusText: response.statusText, milliseconds, text, json };
}

export async function context(): Promise<Context> {
  return ok(await send("GET", "/playground/api/context", []), null) as Context;
}

export async function catalog(caller: Caller, prefix: string): Promise<Catalog> {
  return ok(await send("GET", "/playground/api/catalog", headers(caller, prefix)), caller) as Catalog;
}

export async function explain(
  caller: Caller, prefix: string, principal: Principal,
  request: { query: string; variables: unknown; operationName: string | null },
): Promise<PlannedRoot[]> {
  const reply = await send(
    "POST", "/playground/api/explain", [adminHeader(caller, prefix)], { ...request, principal });
  const body = ok(reply, { ...caller, kind: "admin" }) as { roots?: PlannedRoot[] };
  return body.roots ?? [];
}

function ok(reply: Reply, caller: Caller | null): unknown {
  if (reply.status >= 200 && reply.status < 300 && reply.json !== undefined) return reply.json;
  throw trouble(reply, caller);
}

/** The words for an answer that is no success. */
export function trouble(reply: Reply, caller: Caller | null): Trouble {
  const said = message(reply.json);
  const add = (text: string): string => (said ? `${text} The server says: ${said}` : text);
  if (reply.status === 401) {
    const what = caller?.kind === "token" ? "The token is invalid or has expired. Paste a fresh one."
      : caller?.kind === "anonymous" ? "This needs credentials. Choose another caller under “Who asks”."
      : "The admin secret is not the right one. Diglot printed it on its first start.";
    return new Trouble("The credentials were refused (401).", add(what), 401);
  }
  if (reply.status === 403) {
    return new Trouble("This caller may not do that (403).", add("Choose another caller under “Who asks”."), 403);
  }
  if (reply.status === 503) {
    return new Trouble("The database is not available (503).", add("Try again in a moment."), 503);
  }
  if (reply.status >= 200 && reply.status < 300) {
    return new Trouble("The answer is not JSON.", "Is this address really Diglot’s?", reply.status);
  }
  return new Trouble(`The server answered ${reply.status} ${reply.statusText}.`.replace(" .", "."), said ?? "", reply.status);
}

/** The message in an error body, in the forms of GraphQL and of the REST dialects. */
function message(json: unknown): string | null {
  if (typeof json !== "object" || json === null) return null;
  const body = json as { error?: { message?: unknown } | string; errors?: { message?: unknown }[]; message?: unknown };
  const found = typeof body.error === "string" ? body.error
    : body.error?.message ?? body.errors?.[0]?.message ?? body.message;
  return typeof found === "string" ? found : null;
}
