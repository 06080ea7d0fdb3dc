import { useMemo } from "react";
import { type GraphiQLPlugin, useSchemaStore } from "@graphiql/react";
import { type Example, examples, firstExamples } from "../examples";
import type { Table } from "../catalog";
import { usePage } from "../page";
import { usePut } from "./editor";
import { Icon } from "./icon";

/** Examples over the whole catalog, in a pane beside the editor. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = {
  title: "Examples",
  icon: () => <Icon name="spark" />,
  content: Examples,
};

function Examples(): React.ReactElement {
  const { catalog, open } = usePage();
  const schema = useSchemaStore((store) => store.schema);
  const found = useMemo(() => (catalog && schema ? firstExamples(catalog, schema, 12) : null), [catalog, schema]);
  return (
    <div className="examples">
      <p className="quiet">Made from the tables that this caller may read.</p>
      {found ? <ExampleList found={found} /> : <p className="quiet" role="status">Reading the schema…</p>}
      <button type="button" onClick={() => open("schema")}>More, table by table</button>
    </div>
  );
}

/** Examples of one table. */
export function TableExamples({ table }: { table: Table }): React.ReactElement {
  const { catalog } = usePage();
  const schema = useSchemaStore((store) => store.schema);
  const found = useMemo(
    () => (catalog && schema ? examples(table, catalog, schema) : null), [table, catalog, schema]);
  return found ? <ExampleList found={found} /> : <p className="quiet" role="status">Reading the schema…</p>;
}

function ExampleList({ found }: { found: Example[] }): React.ReactElement {
  const put = usePut();
  if (!found.length) return <p className="quiet">This caller’s schema has no question to offer here.</p>;
  return (
    <ul className="example-list">
      {found.map((example) => (
        <li key={example.title}>
          <button type="button" onClick={() => put(example.query, example.variables)}>
            <b>{example.title}</b>
            <code>{example.query.replace(/\s+/g, " ").replace(/^\{ | \} $/g, "")}</code>
          </button>
        </li>
      ))}
    </ul>
  );
}
