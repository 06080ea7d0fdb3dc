import { useCallback, useEffect, useMemo, useState } from "react";
import { GraphiQLProvider, Tooltip } from "@graphiql/react";
import { DOC_EXPLORER_PLUGIN, DocExplorerContextProvider } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryContextProvider } from "@graphiql/plugin-history";
import type { Fetcher } from "@graphiql/toolkit";
import { type Caller, headers, nobody } from "./caller";
import type { Catalog } from "./catalog";
import { type Page, PageContext, TABS, type TabId } from "./page";
import { type Context, Trouble, catalog as fetchCatalog, context, send, trouble as toTrouble } from "./server";
import { storage } from "./storage";
import { useTheme } from "./theme";
import { EXAMPLES_PLUGIN } from "./views/examples";
import { Bar, Boundary, Notice } from "./views/frame";
import { Plan } from "./views/plan";
import { Rest } from "./views/rest";
import { Schema } from "./views/schema";
import { Shortcuts } from "./views/shortcuts";
import { Who } from "./views/who";
import { Workbench } from "./views/workbench";

const PLUGINS = [EXAMPLES_PLUGIN, DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];
const GRAPHQL = "application/graphql-response+json, application/json;q=0.9";

export function App(): React.ReactElement {
  const theme = useTheme();
  const [server, setServer] = useState<Context | null>(null);
  const [caller, setCaller] = useState<Caller>(nobody);
  const [catalog, setCatalog] = useState<Catalog | null>(null);
  const [refused, setRefused] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [round, setRound] = useState(0);
  const [tab, setTab] = useState<TabId>("graphql");
  const [dialog, setDialog] = useState<"who" | "shortcuts" | null>(null);

  useEffect(() => {
    let current = true;
    void (async () => {
      try {
        const found = server ?? (await context());
        if (!current) return;
        setServer(found);
        const tables = await fetchCatalog(caller, found.header_prefix);
        if (!current) return;
        setCatalog(tables);
        setRefused(false);
        setTrouble(null);
      } catch (error) {
        if (!current) return;
        setRefused(true);
        setTrouble(inWords(error));
      }
    })();
    return () => { current = false; };
    // A round covers every change of the caller; the server's context is fetched once.
  }, [round]);

  const ask = useCallback((next: Caller) => {
    setCaller(next);
    setCatalog(null);
    setRefused(false);
    setRound((before) => before + 1);
    setDialog(null);
  }, []);
  const again = useCallback(() => setRound((before) => before + 1), []);

  // A new function for every round: the editor then introspects anew.
  const fetcher = useMemo<Fetcher>(() => async (parameters) => {
    try {
      const lines = headers(caller, server?.header_prefix ?? "");
      const reply = await send("POST", server?.graphql ?? "/graphql", lines, parameters, GRAPHQL);
      const refused = reply.status === 401 || reply.status === 403 || reply.json === undefined;
      if (refused) setTrouble(toTrouble(reply, caller));
      return (reply.json ?? { errors: [{ message: toTrouble(reply, caller).message }] }) as object;
    } catch (error) {
      const words = inWords(error);
      setTrouble(words);
      return { errors: [{ message: words.message }] };
    }
  }, [round, server]) as Fetcher;

  const chooseNext = theme.next;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey) {
        const digit = /^Digit([1-4])$/.exec(event.code);
        if (digit) setTab(TABS[Number(digit[1]) - 1]!.id);
        else if (event.code === "KeyW") setDialog("who");
        else if (event.code === "KeyR") again();
        else if (event.code === "KeyD") chooseNext();
        else return;
        event.preventDefault();
      } else if (event.key === "?" && !isTyping(event.target)) {
        setDialog("shortcuts");
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [again, chooseNext]);

  const bar = (
    <Bar
      tab={tab} open={setTab} caller={caller} theme={theme.theme} choose={theme.choose}
      ready={server !== null} askWho={() => setDialog("who")} showKeys={() => setDialog("shortcuts")}
    />
  );
  const notice = trouble && <Notice trouble={trouble} again={again} close={() => setTrouble(null)} />;
  if (!server) {
    return <>{bar}{notice}{!trouble && <p className="quiet padded" role="status">Loading…</p>}</>;
  }
  const page: Page = {
    server, caller, catalog, refused, round, tab, open: setTab, askWho: () => setDialog("who"),
  };
  return (
    <PageContext value={page}>
      {bar}
      {notice}
      <Boundary><Tooltip.Provider><GraphiQLProvider
        fetcher={fetcher} storage={storage} plugins={PLUGINS} referencePlugin={DOC_EXPLORER_PLUGIN}
        defaultQuery={"\n"}
      >
        <HistoryContextProvider>
          <DocExplorerContextProvider>
            <main>
              <Panel id="graphql" tab={tab}><Workbench /></Panel>
              <Panel id="rest" tab={tab}><Rest /></Panel>
              <Panel id="plan" tab={tab}><Plan /></Panel>
              <Panel id="schema" tab={tab}><Schema /></Panel>
            </main>
          </DocExplorerContextProvider>
        </HistoryContextProvider>
      </GraphiQLProvider></Tooltip.Provider></Boundary>
      {dialog === "who" && (
        <Who caller={caller} prefix={server.header_prefix} ask={ask} close={() => setDialog(null)} />
      )}
      {dialog === "shortcuts" && <Shortcuts close={() => setDialog(null)} />}
    </PageContext>
  );
}

/** The editor stays mounted behind the other tabs, because they read its question. */
function Panel(props: { id: TabId; tab: TabId; children: React.ReactNode }): React.ReactElement {
  const open = props.id === props.tab;
  return (
    <section
      className={`panel panel-${props.id}`} role="tabpanel" id={`panel-${props.id}`}
      aria-labelledby={`tab-${props.id}`} hidden={!open}
    >
      {(open || props.id === "graphql") && props.children}
    </section>
  );
}

function inWords(error: unknown): Trouble {
  return error instanceof Trouble ? error : new Trouble("Something went wrong.", String(error), null);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement
    && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}
