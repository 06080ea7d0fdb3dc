import { useEffect, useMemo, useState } from "react";
import { parse } from "graphql";
import {
  QueryEditor, ResponseEditor, VariableEditor, useCopyQuery, useDragResize, useEditorContext,
  useExecutionContext, useMergeQuery, usePluginStore, usePrettifyEditors, useSchemaStore,
} from "@graphiql/react";
import { usePage } from "../page";
import { useAsked, useFirstQuestion } from "./editor";
import { Icon } from "./icon";

const PANE_ICONS = { Examples: "spark", "Documentation Explorer": "book", History: "clock" } as const;
const PANE_NAMES: Record<string, string> = { "Documentation Explorer": "Docs" };

/** GraphiQL: editor, variables, answer, and the panes beside them. */
export function Workbench(): React.ReactElement {
  const { tab } = usePage();
  const { queryEditor, variableEditor, responseEditor } = useEditorContext({ nonNull: true });
  const { plugins, visiblePlugin, setVisiblePlugin } = usePluginStore();
  const split = useDragResize({ direction: "horizontal", storageKey: "editorFlex" });
  const [variablesOpen, setVariablesOpen] = useState(false);
  useFirstQuestion();

  useEffect(() => {
    const editors = [queryEditor, variableEditor];
    // Tab indents in the editor, so there must be another way out by keyboard.
    const leave = { Esc: () => document.getElementById("run")?.focus() };
    for (const editor of editors) editor?.addKeyMap(leave, true);
    label(queryEditor, "GraphQL question");
    label(variableEditor, "Variables, as JSON");
    label(responseEditor, "Answer");
    return () => { for (const editor of editors) editor?.removeKeyMap(leave); };
  }, [queryEditor, variableEditor, responseEditor]);

  useEffect(() => {
    // An editor that was drawn while hidden has measured nothing.
    if (tab === "graphql") for (const editor of [queryEditor, variableEditor, responseEditor]) editor?.refresh();
  }, [tab, variablesOpen, visiblePlugin, queryEditor, variableEditor, responseEditor]);

  const { variables } = useAsked();
  useEffect(() => {
    if (variables.trim()) setVariablesOpen(true);
  }, [variables]);

  const Pane = visiblePlugin?.content;
  return (
    <div className="graphiql-container workbench">
      <Toolbar />
      <div className="panes">
        {Pane && visiblePlugin && (
          <aside className="pane" aria-label={PANE_NAMES[visiblePlugin.title] ?? visiblePlugin.title}>
            <div className="pane-head">
              <h2>{PANE_NAMES[visiblePlugin.title] ?? visiblePlugin.title}</h2>
              <button type="button" className="plain-button" aria-label="Close this pane" onClick={() => setVisiblePlugin(null)}>
                <Icon name="close" />
              </button>
            </div>
            <div className="pane-body"><Pane /></div>
          </aside>
        )}
        <div className="split">
          <div className="split-half" ref={split.firstRef}>
            <div className="editors">
              <section className="editor-query" aria-label="Question"><QueryEditor /></section>
              <section className={variablesOpen ? "editor-variables open" : "editor-variables"} aria-label="Variables">
                <button type="button" className="variables-head" aria-expanded={variablesOpen} onClick={() => setVariablesOpen(!variablesOpen)}>
                  <span className="turn" aria-hidden="true">▸</span>Variables
                </button>
                <div className="variables-body"><VariableEditor /></div>
              </section>
            </div>
          </div>
          <div className="split-bar" ref={split.dragBarRef} aria-hidden="true" />
          <div className="split-half" ref={split.secondRef}>
            <section className="answer" aria-label="Answer"><Answer /></section>
          </div>
        </div>
      </div>
      <div className="unseen" aria-live="polite">{plugins.length && visiblePlugin ? `${visiblePlugin.title} shown` : ""}</div>
    </div>
  );
}

function label(editor: { getInputField(): HTMLElement } | null, text: string): void {
  editor?.getInputField().setAttribute("aria-label", text);
}

function Answer(): React.ReactElement {
  const { isFetching } = useExecutionContext({ nonNull: true });
  const { tabs, activeTabIndex } = useEditorContext({ nonNull: true });
  const empty = !tabs[activeTabIndex]?.response && !isFetching;
  return (
    <>
      {isFetching && <p className="answer-hint" role="status">Asking…</p>}
      {empty && <p className="answer-hint">Run the question to see its answer here.</p>}
      <ResponseEditor />
    </>
  );
}

function Toolbar(): React.ReactElement {
  const { run, stop, isFetching, isSubscribed } = useExecutionContext({ nonNull: true });
  const { setOperationName } = useEditorContext({ nonNull: true });
  const { plugins, visiblePlugin, setVisiblePlugin } = usePluginStore();
  const fetching = useSchemaStore((store) => store.isFetching);
  const fault = useSchemaStore((store) => store.fetchError);
  const prettify = usePrettifyEditors();
  const merge = useMergeQuery();
  const copy = useCopyQuery();
  const { query, operationName } = useAsked();
  const operations = useMemo(() => operationNames(query), [query]);
  const busy = isFetching || isSubscribed;
  return (
    <div className="toolbar" role="toolbar" aria-label="Editor">
      <button type="button" id="run" className="primary" onClick={busy ? stop : run}>
        <Icon name={busy ? "stop" : "run"} />{busy ? "Stop" : "Run"}
      </button>
      {operations.length > 1 && (
        <label className="operation">
          <span className="unseen">Operation</span>
          <select value={operationName ?? operations[0]} onChange={(event) => setOperationName(event.target.value)}>
            {operations.map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
      )}
      <button type="button" onClick={() => void prettify()} title="Prettify"><Icon name="tidy" /><span>Prettify</span></button>
      <button type="button" onClick={merge} title="Merge fragments"><Icon name="merge" /><span>Merge</span></button>
      <button type="button" onClick={copy} title="Copy the question"><Icon name="copy" /><span>Copy</span></button>
      <span className="toolbar-state quiet" role="status">
        {fetching ? "Reading the schema…" : fault ? "No schema: completion and docs are off." : ""}
      </span>
      {plugins.map((plugin) => {
        const shown = plugin === visiblePlugin;
        const name = PANE_NAMES[plugin.title] ?? plugin.title;
        return (
          <button key={plugin.title} type="button" aria-pressed={shown} title={name} onClick={() => setVisiblePlugin(shown ? null : plugin)}>
            <Icon name={PANE_ICONS[plugin.title as keyof typeof PANE_ICONS] ?? "book"} /><span>{name}</span>
          </button>
        );
      })}
    </div>
  );
}

function operationNames(text: string): string[] {
  try {
    return parse(text).definitions.flatMap(
      (definition) => definition.kind === "OperationDefinition" && definition.name ? [definition.name.value] : []);
  } catch {
    return [];
  }
}
