import { parse } from "graphql";
import { useEffect, useState } from "react";
import { principal, title } from "../caller";
import { usePage } from "../page";
import { type PlannedRoot, type PlannedStatement, Trouble, explain } from "../server";
import { Code, asText } from "./code";
import { useAsked } from "./editor";

/** What Diglot makes of the question for the chosen caller: predicate, plan, SQL, EXPLAIN. */
export function Plan(): React.ReactElement {
  const page = usePage();
  const { caller, server, round } = page;
  const asked = useAsked();
  const [roots, setRoots] = useState<PlannedRoot[] | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [again, setAgain] = useState(0);
  const who = principal(caller);

  useEffect(() => {
    if (!caller.adminSecret || !asked.query.trim()) return;
    let current = true;
    setRoots(null);
    setTrouble(null);
    try {
      parse(asked.query);
    } catch {
      // Half a question: nothing is asked of the server until it can be read.
      setTrouble(new Trouble("The question cannot be read yet.", "Finish it in the editor.", null));
      return;
    }
    void (async () => {
      try {
        const variables: unknown = asked.variables.trim() ? JSON.parse(asked.variables) : {};
        const found = await explain(
          caller, server.header_prefix, principal(caller),
          { query: asked.query, variables, operationName: asked.operationName });
        if (current) setRoots(found);
      } catch (error) {
        if (!current) return;
        setTrouble(error instanceof Trouble ? error
          : new Trouble("The variables are not valid JSON.", "Mend them in the editor.", null));
      }
    })();
    return () => { current = false; };
  }, [asked, caller, server, round, again]);

  if (!caller.adminSecret) {
    return (
      <div className="view">
        <h2>Plan</h2>
        <p className="empty">
          Predicate, plan and SQL are shown to the admin only. Give the admin secret under “Who asks”;
          the plan is then that of whichever caller is chosen there.
        </p>
        <button type="button" className="primary" onClick={page.askWho}>Who asks</button>
      </div>
    );
  }
  return (
    <div className="view">
      <div className="view-head">
        <div>
          <h2>Plan</h2>
          <p className="quiet">
            For {title(caller)}: role <code>{who.role}</code>
            {Object.entries(who.variables).map(([name, value]) => <span key={name}>, <code>{name} = {value}</code></span>)}
            {caller.kind === "token" && " (as the token says, not verified)"}
          </p>
        </div>
        <button type="button" onClick={() => setAgain(again + 1)}>Explain again</button>
      </div>
      {!asked.query.trim() && <p className="empty">The editor is empty: there is nothing to plan.</p>}
      {trouble && <p className="complaint" role="alert"><b>{trouble.title}</b> {trouble.detail}</p>}
      {!roots && !trouble && asked.query.trim() && <p className="quiet" role="status">Planning…</p>}
      {roots?.length === 0 && <p className="empty">The question reads no table, so there is no plan.</p>}
      {roots?.map((root, index) => <PlannedBlock key={`${index}:${root.name}`} root={root} />)}
    </div>
  );
}

function PlannedBlock({ root }: { root: PlannedRoot }): React.ReactElement {
  const { predicate, checks, presets } = root;
  // A read is one statement, and nothing is checked or set.
  const statements = root.statements ?? [{ purpose: null, sql: root.sql, parameters: root.parameters ?? {}, explain: root.explain }];
  return (
    <section className="root" aria-label={`Plan of ${root.name}`} data-root={root.name}>
      <h3><code>{root.name}</code></h3>
      <div className="plan-parts">
        <div className="plan-part">
          <h4>Solved predicate</h4>
          {predicate === undefined
            ? <p className="quiet">Only new rows are written.</p>
            : <Code text={asText(predicate)} as="sql" label="Solved predicate" wrap testId="predicate" />}
          {checks && <h4>Checks</h4>}
          {checks && !Object.keys(checks).length && <p className="quiet">Nothing is checked of the rows.</p>}
          {Object.entries(checks ?? {}).map(([name, text]) => (
            <div key={name}>
              <p className="quiet">{name}</p>
              <Code text={text} as="sql" label={`Check of ${name}`} wrap testId="checks" />
            </div>
          ))}
          {presets && <h4>Set by the rules</h4>}
          {presets && <Pairs titles={["Column", "Value"]} pairs={Object.entries(presets)} none="No column." testId="presets" />}
        </div>
        <div className="plan-part">
          <h4>Plan</h4>
          <div className="tree" data-testid="plan"><Tree value={root.plan} depth={0} /></div>
        </div>
        {statements.map((statement, index) => <StatementBlock key={index} statement={statement} />)}
      </div>
    </section>
  );
}

function Pairs(props: {
  titles: [string, string]; pairs: [string, string][]; none: string; testId?: string;
}): React.ReactElement {
  if (!props.pairs.length) return <p className="quiet">{props.none}</p>;
  return (
    <table className="parameters" data-testid={props.testId}>
      <thead><tr>{props.titles.map((title) => <th key={title} scope="col">{title}</th>)}</tr></thead>
      <tbody>
        {props.pairs.map(([name, value]) => <tr key={name}><td><code>{name}</code></td><td><code>{value}</code></td></tr>)}
      </tbody>
    </table>
  );
}

function StatementBlock({ statement }: { statement: PlannedStatement }): React.ReactElement {
  // By the names of their marks in the statement: $1 on PostgreSQL, ?1 on SQLite.
  const parameters = Object.entries(statement.parameters).map(([mark, value]): [string, string] => [mark, JSON.stringify(value)]);
  return (
    <>
      <div className="plan-part wide">
        <h4>{statement.purpose === null ? "SQL" : `SQL that ${statement.purpose}`}</h4>
        <Code text={asText(statement.sql)} as="sql" label="SQL" wrap testId="sql" />
        <Pairs titles={["Parameter", "Value"]} pairs={parameters} none="No parameters." />
      </div>
      <div className="plan-part wide">
        <h4>EXPLAIN of the database</h4>
        <Code text={asText(statement.explain)} label="EXPLAIN" testId="explain" />
      </div>
    </>
  );
}

/** Any JSON as a tree that folds: the plan's shape is the server's own. */
function Tree({ value, depth }: { value: unknown; depth: number }): React.ReactElement {
  if (typeof value !== "object" || value === null) return <Leaf value={value} />;
  const entries = Object.entries(value);
  if (!entries.length) return <span className="quiet">{Array.isArray(value) ? "none" : "{}"}</span>;
  return (
    <ul>
      {entries.map(([name, inner]) => {
        const simple = typeof inner !== "object" || inner === null || Object.keys(inner).length === 0
          || (Array.isArray(inner) && inner.every((item) => typeof item !== "object" || item === null));
        return (
          <li key={name}>
            {simple
              ? <><span className="tree-name">{name}</span> {Array.isArray(inner) && inner.length ? <Leaf value={inner.map((i) => asText(i)).join(", ")} /> : <Tree value={inner} depth={depth + 1} />}</>
              : <details open={depth < 3}><summary><span className="tree-name">{name}</span> <span className="quiet">{headline(inner)}</span></summary><Tree value={inner} depth={depth + 1} /></details>}
          </li>
        );
      })}
    </ul>
  );
}

function Leaf({ value }: { value: unknown }): React.ReactElement {
  return <code>{value === null ? "null" : String(value)}</code>;
}

/** A folded node's own name, where it has one. */
function headline(value: object): string {
  if (Array.isArray(value)) return `${value.length}`;
  // A level of the plan begins with what it reads; the members of a row have whatever names they have.
  const [first] = Object.entries(value);
  return first && (first[0] === "table" || first[0] === "function") ? String(first[1]) : "";
}
