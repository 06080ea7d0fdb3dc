import { useEffect, useMemo, useRef } from "react";
import { useEditorContext, useSchemaStore } from "@graphiql/react";
import { firstExamples } from "../examples";
import { usePage } from "../page";
import { type Question, question } from "../question/read";

/** The question that stands in the editor. */
export interface Asked {
  query: string;
  variables: string;
  operationName: string | null;
}

export function useAsked(): Asked {
  const { tabs, activeTabIndex } = useEditorContext({ nonNull: true });
  const tab = tabs[activeTabIndex];
  const query = tab?.query ?? "";
  const variables = tab?.variables ?? "";
  const operationName = tab?.operationName ?? null;
  return useMemo(() => ({ query, variables, operationName }), [query, variables, operationName]);
}

/** The question read against the caller's catalog; null while that is loading. */
export function useQuestion(): Question | null {
  const { catalog } = usePage();
  const { query, variables, operationName } = useAsked();
  return useMemo(
    () => (catalog ? question(query, variables, operationName, catalog) : null),
    [catalog, query, variables, operationName]);
}

/** Puts a question into the editor and shows it. */
export function usePut(): (query: string, variables: string) => void {
  const { queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const { open } = usePage();
  return (query, variables) => {
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    open("graphql");
    queryEditor?.focus();
  };
}

/** On a first visit the editor holds an example made from the catalog. */
export function useFirstQuestion(): void {
  const { queryEditor } = useEditorContext({ nonNull: true });
  const { catalog } = usePage();
  const schema = useSchemaStore((store) => store.schema);
  const done = useRef(false);
  useEffect(() => {
    if (done.current || !queryEditor || !catalog || !schema) return;
    done.current = true;
    const [example] = firstExamples(catalog, schema, 1);
    if (example && !queryEditor.getValue().trim()) queryEditor.setValue(example.query);
  }, [queryEditor, catalog, schema]);
}
