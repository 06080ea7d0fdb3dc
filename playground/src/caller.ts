/**
 * Who asks: the choice made on the page, and the headers that say it. Secrets
 * and tokens live in memory only; nothing here is ever stored.
 */

export type Kind = "anonymous" | "user" | "role" | "admin" | "token";

export interface Caller {
  kind: Kind;
  /** Of a user. */
  id: string;
  /** Of any other role, with its session variables. */
  role: string;
  variables: { name: string; value: string }[];
  token: string;
  anonKey: string;
  adminSecret: string;
}

export const nobody: Caller = {
  kind: "anonymous", id: "", role: "", variables: [], token: "", anonKey: "", adminSecret: "",
};

/** A request header; `secret` names the shell variable that stands for its value when masked. */
export interface Header {
  name: string;
  value: string;
  secret: { prefix: string; variable: string } | null;
}

export function needsSecret(kind: Kind): boolean {
  return kind === "user" || kind === "role" || kind === "admin";
}

/** The headers that make a request this caller's. `prefix` is the server's `header_prefix`. */
export function headers(caller: Caller, prefix: string): Header[] {
  const plain = (name: string, value: string): Header => ({ name, value, secret: null });
  switch (caller.kind) {
    case "anonymous":
      return caller.anonKey ? [plain("apikey", caller.anonKey)] : [];
    case "token":
      return [{
        name: "authorization", value: `Bearer ${caller.token}`,
        secret: { prefix: "Bearer ", variable: "DIGLOT_TOKEN" },
      }];
    case "admin":
      return [adminHeader(caller, prefix)];
    case "user":
      return [
        adminHeader(caller, prefix), plain(`${prefix}role`, "user"), plain(`${prefix}user-id`, caller.id),
      ];
    case "role":
      return [
        adminHeader(caller, prefix), plain(`${prefix}role`, caller.role),
        ...named(caller).map(({ name, value }) => plain(prefix + headerName(name), value)),
      ];
  }
}

export function adminHeader(caller: Caller, prefix: string): Header {
  return {
    name: `${prefix}admin-secret`, value: caller.adminSecret,
    secret: { prefix: "", variable: "DIGLOT_ADMIN_SECRET" },
  };
}

/** `_USER_.org_id` is sent as `org-id`, `_USER_.id` as `user-id`. */
function headerName(variable: string): string {
  return variable === "id" ? "user-id" : variable.replace(/_/g, "-");
}

function variableName(typed: string): string {
  const name = typed.trim().toLowerCase().replace(/-/g, "_");
  return name === "user_id" ? "id" : name;
}

function named(caller: Caller): { name: string; value: string }[] {
  return caller.variables
    .map(({ name, value }) => ({ name: variableName(name), value }))
    .filter(({ name }) => name);
}

export interface Principal {
  role: string;
  variables: Record<string, string>;
}

/** The principal whose plan is shown. A token's claims are read here, not verified. */
export function principal(caller: Caller): Principal {
  switch (caller.kind) {
    case "anonymous":
      return { role: "anonymous", variables: {} };
    case "admin":
      return { role: "admin", variables: {} };
    case "user":
      return { role: "user", variables: { id: caller.id } };
    case "role":
      return {
        role: caller.role,
        variables: Object.fromEntries(named(caller).map(({ name, value }) => [name, value])),
      };
    case "token":
      return claims(caller.token);
  }
}

function claims(token: string): Principal {
  const variables: Record<string, string> = {};
  let role = "user";
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const payload = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(payload)) {
      if (name === "role") role = String(value);
      else if (name === "sub") variables["id"] = String(value);
      else if (!["iss", "aud", "exp", "nbf", "iat", "jti", "roles"].includes(name)) {
        variables[name] = typeof value === "string" ? value : JSON.stringify(value);
      }
    }
  } catch {
    // Not a JWT: the plan is shown for a user without variables.
  }
  return { role, variables };
}

/** A few words for the button that shows who asks. */
export function title(caller: Caller): string {
  switch (caller.kind) {
    case "anonymous": return "Anonymous";
    case "admin": return "Admin";
    case "user": return `User ${caller.id}`;
    case "role": return `Role ${caller.role}`;
    case "token": return "Bearer token";
  }
}
