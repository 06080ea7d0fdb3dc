import { useState } from "react";
import { type Caller, type Kind, needsSecret } from "../caller";
import { Modal } from "./modal";

const KINDS: { kind: Kind; title: string; hint: string }[] = [
  { kind: "anonymous", title: "Anonymous", hint: "No credentials, or the anon key." },
  { kind: "user", title: "A user", hint: "The role “user” with an id." },
  { kind: "role", title: "Any role", hint: "With session variables." },
  { kind: "admin", title: "Admin", hint: "No rules apply." },
  { kind: "token", title: "Bearer token", hint: "As an application sends it." },
];

/** The dialog in which the caller of every request is chosen. */
export function Who(props: {
  caller: Caller; prefix: string; ask: (caller: Caller) => void; close: () => void;
}): React.ReactElement {
  const [draft, setDraft] = useState(props.caller);
  const [complaint, setComplaint] = useState<string | null>(null);
  const set = (change: Partial<Caller>): void => {
    setDraft((before) => ({ ...before, ...change }));
    setComplaint(null);
  };
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    const missing = lacks(draft);
    if (missing) setComplaint(missing);
    else props.ask({ ...draft, id: draft.id.trim(), role: draft.role.trim(), token: bareToken(draft.token) });
  };
  return (
    <Modal title="Who asks" close={props.close}>
      <form onSubmit={submit} className="who" autoComplete="off">
        <fieldset className="kinds">
          <legend className="unseen">Caller</legend>
          {KINDS.map(({ kind, title, hint }) => (
            <label key={kind} className="kind">
              <input type="radio" name="kind" value={kind} checked={draft.kind === kind} onChange={() => set({ kind })} />
              <span><b>{title}</b><small>{hint}</small></span>
            </label>
          ))}
        </fieldset>
        {draft.kind === "anonymous" && (
          <Field label="Anon key (optional)" value={draft.anonKey} change={(anonKey) => set({ anonKey })} />
        )}
        {draft.kind === "user" && (
          <Field label="User id" value={draft.id} change={(id) => set({ id })} />
        )}
        {draft.kind === "role" && (
          <>
            <Field label="Role" value={draft.role} change={(role) => set({ role })} />
            <Variables caller={draft} prefix={props.prefix} change={(variables) => set({ variables })} />
          </>
        )}
        {draft.kind === "token" && (
          <label className="field">
            <span>Token</span>
            <textarea rows={4} value={draft.token} spellCheck={false} onChange={(event) => set({ token: event.target.value })} />
          </label>
        )}
        <Field
          label={needsSecret(draft.kind) ? "Admin secret" : "Admin secret (optional, for the Plan tab)"}
          secret value={draft.adminSecret} change={(adminSecret) => set({ adminSecret })}
        />
        <p className="quiet">The secret and the token stay in this page’s memory and are gone when it is reloaded.</p>
        {complaint && <p className="complaint" role="alert">{complaint}</p>}
        <div className="dialog-end">
          <button type="button" onClick={props.close}>Cancel</button>
          <button type="submit" className="primary">Ask as this caller</button>
        </div>
      </form>
    </Modal>
  );
}

function lacks(caller: Caller): string | null {
  if (needsSecret(caller.kind) && !caller.adminSecret) return "The admin secret is needed to act as this caller.";
  if (caller.kind === "user" && !caller.id.trim()) return "Which user? Give the id.";
  if (caller.kind === "role" && !caller.role.trim()) return "Which role? Give its name.";
  if (caller.kind === "token" && !bareToken(caller.token)) return "Paste a token.";
  return null;
}

/** A token as pasted: often with its header's first words. */
function bareToken(text: string): string {
  return text.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
}

function Field(props: {
  label: string; value: string; secret?: boolean; change: (value: string) => void;
}): React.ReactElement {
  return (
    <label className="field">
      <span>{props.label}</span>
      <input
        type={props.secret ? "password" : "text"} value={props.value} spellCheck={false}
        autoComplete={props.secret ? "new-password" : "off"} autoCapitalize="none"
        onChange={(event) => props.change(event.target.value)}
      />
    </label>
  );
}

function Variables(props: {
  caller: Caller; prefix: string; change: (variables: Caller["variables"]) => void;
}): React.ReactElement {
  const rows = [...props.caller.variables, { name: "", value: "" }];
  const edit = (index: number, change: Partial<{ name: string; value: string }>): void => {
    const next = rows.map((row, at) => (at === index ? { ...row, ...change } : row));
    props.change(next.filter((row) => row.name || row.value));
  };
  return (
    <fieldset className="variables">
      <legend>Session variables</legend>
      {rows.map((row, index) => (
        // The order never changes, so the place is a stable key.
        <div key={index} className="variable">
          <input aria-label={`Name of variable ${index + 1}`} placeholder="org_id" value={row.name} spellCheck={false}
            autoCapitalize="none" onChange={(event) => edit(index, { name: event.target.value })} />
          <input aria-label={`Value of variable ${index + 1}`} placeholder="7" value={row.value} spellCheck={false}
            autoCapitalize="none" onChange={(event) => edit(index, { value: event.target.value })} />
        </div>
      ))}
      <p className="quiet"><code>id</code> is the user’s own id; <code>org_id</code> is sent as <code>{props.prefix}org-id</code>.</p>
    </fieldset>
  );
}
