import { useEffect, useState } from "react";
import { headers } from "../caller";
import { curl } from "../curl";
import { dialects } from "../dialects";
import type { Dialect, Request, Written } from "../dialects/dialect";
import { type Page, usePage } from "../page";
import type { Change } from "../question/change";
import { type Foreign, type Root, isChange, isRoot } from "../question/read";
import { type Reply, Trouble, send, trouble as toTrouble } from "../server";
import { Code } from "./code";
import { Confirm } from "./confirm";
import { useQuestion } from "./editor";
import { Waiting } from "./frame";

/** The question in the editor, written in each REST dialect that the server speaks. */
export function Rest(): React.ReactElement {
  const page = usePage();
  const question = useQuestion();
  const [shown, setShown] = useState(false);
  const spoken = dialects.filter((dialect) => page.server.dialects.includes(dialect.id));
  const unknown = page.server.dialects.filter((id) => !dialects.some((dialect) => dialect.id === id));
  const lines = headers(page.caller, page.server.header_prefix);
  return (
    <div className="view">
      <div className="view-head">
        <div>
          <h2>The same question over REST</h2>
          <p className="quiet">
            What stands in the GraphQL editor, in the words of each dialect, with the credentials chosen under “Who asks”.
          </p>
        </div>
        {lines.some((line) => line.secret) && (
          <label className="check">
            <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
            Show secrets
          </label>
        )}
      </div>
      {unknown.length > 0 && <p className="quiet">The server also speaks {unknown.join(", ")}; this page can’t write that yet.</p>}
      {!spoken.length && <p className="empty">No REST dialect is switched on at this server.</p>}
      {!question ? <Waiting refused={page.refused} />
        : !question.ok ? <p className="empty">{question.message}</p>
        : !question.roots.length ? <p className="empty">The question asks for no table.</p>
        : <>
          {question.roots.map((root, index) => (
            <RootBlock key={`${index}:${root.alias}`} root={root} spoken={spoken} shown={shown} />
          ))}
          <Together changes={question.roots.filter(isChange)} roots={question.roots.length} spoken={spoken} shown={shown} />
        </>}
    </div>
  );
}

/** A mutation of several roots is one transaction; what each dialect has for that. */
function Together(props: { changes: Change[]; roots: number; spoken: Dialect[]; shown: boolean }): React.ReactElement | null {
  const { changes, shown } = props;
  if (props.roots < 2 || !changes.length) return null;
  const able = props.spoken.flatMap((dialect): [Dialect, Written][] => {
    const written = changes.length === props.roots ? dialect.together(changes) : null;
    return written ? [[dialect, written]] : [];
  });
  return (
    <section className="root" aria-label="All root fields together" data-root="*">
      <h3>All together</h3>
      <p className="quiet">
        Over GraphQL the root fields of a mutation happen all or not at all. Each request above is one of its own
        {able.some(([, written]) => written.request) ? "; this one is all of them." : ", and none here can be all of them."}
      </p>
      {able.length > 0 && (
        <div className="cards">{able.map(([dialect, written]) => <Card key={dialect.id} dialect={dialect} written={written} shown={shown} />)}</div>
      )}
    </section>
  );
}

function RootBlock(props: { root: Root | Change | Foreign; spoken: Dialect[]; shown: boolean }): React.ReactElement {
  const { root, spoken } = props;
  return (
    <section className="root" aria-label={`Root field ${root.alias}`} data-root={root.alias}>
      <h3><code>{root.alias === root.field ? root.field : `${root.alias}: ${root.field}`}</code></h3>
      <details className="asked"><summary>In GraphQL</summary><Code text={root.text} as="graphql" label={`GraphQL of ${root.alias}`} /></details>
      {isRoot(root) || isChange(root)
        ? (
          <div className="cards">
            {spoken.map((dialect) => (
              <Card key={dialect.id} shown={props.shown} dialect={dialect} written={isRoot(root) ? dialect.read(root) : dialect.write(root)} />
            ))}
          </div>
        )
        : <p className="empty">{root.why}</p>}
    </section>
  );
}

function Card(props: { written: Written; dialect: Dialect; shown: boolean }): React.ReactElement {
  const { written, dialect } = props;
  const page = usePage();
  return (
    <article className="card" aria-label={dialect.title} data-dialect={dialect.id}>
      <h4>{dialect.title}</h4>
      {written.request
        ? <Sending key={`${page.round} ${Object.values(written.request).join(" ")}`} {...props} page={page} request={written.request} />
        : <><p className="empty">This dialect has no words for this root.</p><Notes written={written} /></>}
    </article>
  );
}

function Sending(props: {
  request: Request; written: Written; dialect: Dialect; shown: boolean; page: Page;
}): React.ReactElement {
  const { request, page } = props;
  const [reply, setReply] = useState<Reply | Trouble | null>(null);
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const writes = request.method !== "GET";
  const lines = headers(page.caller, page.server.header_prefix);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      setReply(await send(request.method, request.path, lines, request.body ?? undefined));
    } catch (error) {
      setReply(error instanceof Trouble ? error : new Trouble("Something went wrong.", String(error), null));
    }
    setBusy(false);
  };
  return (
    <>
      <div className="request">
        <p className="path" data-testid="path"><b>{request.method}</b> {readable(request.path)}</p>
        <button
          type="button" className="primary small" disabled={busy} aria-haspopup={writes ? "dialog" : undefined}
          onClick={() => (writes ? setAsking(true) : void run())}
        >
          {busy ? "Asking…" : writes ? "Run…" : "Run"}
        </button>
      </div>
      {asking && (
        <Confirm
          request={request} cannot={props.written.cannot} caller={page.caller} close={() => setAsking(false)}
          run={() => { setAsking(false); void run(); }}
        />
      )}
      <Code text={curl(location.origin, request, lines, props.shown)} label={`curl line, ${props.dialect.title}`} wrap testId="curl" />
      <Notes written={props.written} />
      {reply && <Outcome reply={reply} dialect={props.dialect} page={page} />}
    </>
  );
}

/** The path with line breaks allowed before each parameter. */
function readable(path: string): React.ReactNode[] {
  return path.split(/(?=[?&])/).map((part, index) => <span key={index}>{part}<wbr /></span>);
}

function Outcome(props: { reply: Reply | Trouble; dialect: Dialect; page: Page }): React.ReactElement {
  const { reply } = props;
  const [text, setText] = useState("");
  useEffect(() => {
    if (!(reply instanceof Trouble)) {
      // Numbers beyond 2^53 must stay as they were sent, so only small texts are laid out anew.
      const exact = reply.json !== undefined && !/\d{16,}/.test(reply.text);
      setText(exact ? JSON.stringify(reply.json, null, 2) : reply.text);
    }
  }, [reply]);
  if (reply instanceof Trouble) {
    return <p className="complaint" role="alert"><b>{reply.title}</b> {reply.detail}</p>;
  }
  const good = reply.status >= 200 && reply.status < 300;
  const rows = good ? props.dialect.rows(reply.json) : null;
  const advice = reply.status === 401 || reply.status === 403 ? toTrouble(reply, props.page.caller).detail : "";
  return (
    <div className="outcome">
      <p role="status">
        <span className={good ? "status good" : "status bad"} data-testid="status">{reply.status} {reply.statusText}</span>
        {rows && <span> · {rows.length} {rows.length === 1 ? "row" : "rows"}</span>}
        <span> · {reply.milliseconds < 10 ? reply.milliseconds.toFixed(1) : Math.round(reply.milliseconds)} ms</span>
        {advice && <span className="quiet"> {advice}</span>}
      </p>
      {!text && good && <p className="quiet">The answer has no body.</p>}
      {text && <Code text={text} as="json" label="Body of the answer" testId="body" />}
    </div>
  );
}

function Notes({ written }: { written: Written }): React.ReactElement | null {
  return (
    <>
      {written.cannot.length > 0 && (
        <div className="cannot" data-testid="cannot">
          <h5>Can’t be said here</h5>
          <ul>{written.cannot.map((part) => <li key={part}>{part}</li>)}</ul>
        </div>
      )}
      {written.remarks.length > 0 && (
        <ul className="remarks">{written.remarks.map((part) => <li key={part}>{part}</li>)}</ul>
      )}
    </>
  );
}
