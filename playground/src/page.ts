import { createContext, useContext } from "react";
import type { Caller } from "./caller";
import type { Catalog } from "./catalog";
import type { Context } from "./server";

export const TABS = [
  { id: "graphql", title: "GraphQL" },
  { id: "rest", title: "REST" },
  { id: "plan", title: "Plan" },
  { id: "schema", title: "Schema" },
] as const;
export type TabId = (typeof TABS)[number]["id"];

/** What every view of the page shares. */
export interface Page {
  server: Context;
  caller: Caller;
  /** The tables that this caller may see; null while they load or where that failed. */
  catalog: Catalog | null;
  /** Reading the tables failed; the page says why at its top. */
  refused: boolean;
  /** Counts up with every change of the caller and every retry: answers of before are stale. */
  round: number;
  tab: TabId;
  open: (tab: TabId) => void;
  askWho: () => void;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("a view stands outside of the page");
  return page;
}
