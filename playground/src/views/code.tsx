import { useEffect, useState } from "react";
import { Icon } from "./icon";

/** Above this a text is shown without colours, which cost one element per word. */
const MOST_COLOURED = 60_000;

const GRAMMARS = {
  json: /(?<name>"(?:[^"\\]|\\.)*"(?=\s*:))|(?<text>"(?:[^"\\]|\\.)*")|(?<number>-?\b\d[\d.eE+-]*\b)|(?<word>\b(?:true|false|null)\b)/g,
  sql: /(?<text>'(?:[^']|'')*')|(?<name>"(?:[^"]|"")*")|(?<number>\$\d+|\?\d+|\b\d+(?:\.\d+)?\b)|(?<word>\b(?:select|from|where|and|or|not|null|is|in|any|all|as|on|conflict|do|nothing|insert|into|values|update|set|delete|join|left|right|inner|outer|cross|lateral|exists|order|group|having|by|asc|desc|nulls|first|last|limit|offset|with|union|distinct|case|when|then|else|end|like|ilike|between|true|false|coalesce|cast|over|filter|returning)\b)/gi,
  graphql: /(?<text>"(?:[^"\\]|\\.)*")|(?<name>\b[A-Za-z_]\w*(?=\s*:))|(?<number>-?\b\d[\d.]*\b)|(?<word>\b(?:query|mutation|fragment|on|true|false|null)\b)|(?<other>\$\w+)/g,
} as const;

/** A text in fixed width, coloured, with a button that copies it. */
export function Code(props: {
  text: string; as?: keyof typeof GRAMMARS; label: string; wrap?: boolean; testId?: string;
}): React.ReactElement {
  const coloured = props.as && props.text.length <= MOST_COLOURED ? colours(props.text, GRAMMARS[props.as]) : props.text;
  return (
    <div className="code">
      <pre className={props.wrap ? "wrap" : undefined} tabIndex={0} aria-label={props.label} data-testid={props.testId}><code>{coloured}</code></pre>
      <CopyButton text={props.text} label={props.label} />
    </div>
  );
}

function colours(text: string, grammar: RegExp): React.ReactNode[] {
  const parts: React.ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(grammar)) {
    if (match.index > at) parts.push(text.slice(at, match.index));
    const kind = Object.entries(match.groups ?? {}).find(([, found]) => found !== undefined)?.[0];
    parts.push(<span key={match.index} className={`c-${kind}`}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

export function CopyButton({ text, label }: { text: string; label: string }): React.ReactElement {
  const [state, setState] = useState<"" | "Copied" | "Copy it by hand">("");
  useEffect(() => {
    if (!state) return;
    const timer = setTimeout(() => setState(""), 1500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState("Copied");
    } catch {
      // The clipboard is open to secure origins only; over plain http there is none.
      setState(copyOldWay(text) ? "Copied" : "Copy it by hand");
    }
  };
  return (
    <button type="button" className="copy" onClick={() => void copy()} aria-label={`Copy: ${label}`} title="Copy">
      <Icon name="copy" /><span role="status">{state}</span>
    </button>
  );
}

function copyOldWay(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** Any value as text: a string as it is, everything else as indented JSON. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "";
}
