import { useMemo, useRef, useState } from "react";
import type { Relation, Table } from "../catalog";
import { usePage } from "../page";
import { TableExamples } from "./examples";
import { Waiting } from "./frame";

/** The tables that the caller may see, their columns and relations, and questions about them. */
export function Schema(): React.ReactElement {
  const { catalog, refused } = usePage();
  const [chosen, setChosen] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const detail = useRef<HTMLHeadingElement>(null);
  const found = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return (catalog?.tables ?? []).filter((table) => !wanted || table.name.toLowerCase().includes(wanted)
      || table.columns.some((column) => column.name.toLowerCase().includes(wanted)));
  }, [catalog, search]);
  if (!catalog) return <div className="view"><Waiting refused={refused} /></div>;
  if (!catalog.tables.length) {
    return <div className="view"><h2>Schema</h2><p className="empty">The role “{catalog.role}” may see no table. Choose another caller under “Who asks”.</p></div>;
  }
  const table = catalog.tables.find((t) => t.name === chosen) ?? found[0] ?? catalog.tables[0]!;
  const go = (name: string): void => {
    setSearch("");
    setChosen(name);
    // The reader's place moves with the relation that was followed.
    requestAnimationFrame(() => detail.current?.focus());
  };
  return (
    <div className="schema">
      <nav className="schema-list" aria-label="Tables">
        <label className="field">
          <span className="unseen">Find a table or column</span>
          <input type="search" placeholder={`Find in ${catalog.tables.length} tables`} value={search} onChange={(event) => setSearch(event.target.value)} />
        </label>
        <ul>
          {found.map((item) => (
            <li key={item.name}>
              <button type="button" aria-current={item.name === table.name ? "true" : undefined} onClick={() => setChosen(item.name)}>
                {item.name}{item.kind !== "table" && <small>{item.kind}</small>}
              </button>
            </li>
          ))}
        </ul>
        {!found.length && <p className="quiet">No table or column of this name.</p>}
      </nav>
      <div className="schema-detail">
        <h2 ref={detail} tabIndex={-1}>{table.name}</h2>
        <p className="quiet">
          A {table.kind}, as the role “{catalog.role}” sees it
          {table.key.length > 0 && <>, key <code>{table.key.join(", ")}</code></>}
        </p>
        {table.comment && <p>{table.comment}</p>}
        <Columns table={table} go={go} />
        {table.relations.length > 0 && (
          <>
            <h3>Relations</h3>
            <ul className="relations">
              {table.relations.map((relation) => <RelationLine key={relation.name} relation={relation} table={table} go={go} />)}
            </ul>
          </>
        )}
        <h3>Try</h3>
        <TableExamples table={table} />
      </div>
    </div>
  );
}

function Columns({ table, go }: { table: Table; go: (name: string) => void }): React.ReactElement {
  return (
    <div className="scroll">
      <table className="columns">
        <thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col"><span className="unseen">Marks</span></th></tr></thead>
        <tbody>
          {table.columns.map((column) => {
            const leads = table.relations.find((r) => !r.many && r.columns.length === 1 && r.columns[0] === column.name);
            return (
              <tr key={column.name}>
                <th scope="row"><code>{column.name}</code></th>
                <td>
                  <code>{column.type}</code>{column.nullable && <span className="quiet"> or null</span>}
                  {column.enum && <div className="enum">{column.enum.map((value) => <span key={value}>{value}</span>)}</div>}
                </td>
                <td>
                  {table.key.includes(column.name) && <span className="mark">key</span>}
                  {leads && <button type="button" className="link" onClick={() => go(leads.table)}>→ {leads.table}</button>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function RelationLine(props: { relation: Relation; table: Table; go: (name: string) => void }): React.ReactElement {
  const { relation, table, go } = props;
  const { catalog } = usePage();
  const known = catalog?.tables.some((t) => t.name === relation.table) ?? false;
  return (
    <li>
      <code>{relation.name}</code>
      {" "}<span className="quiet">{relation.many ? "many of" : "one"}</span>{" "}
      {known ? <button type="button" className="link" onClick={() => go(relation.table)}>{relation.table}</button> : <code>{relation.table}</code>}
      <span className="quiet join">
        {relation.columns.map((column, index) => `${table.name}.${column} = ${relation.table}.${relation.references[index] ?? "?"}`).join(" and ")}
      </span>
    </li>
  );
}
