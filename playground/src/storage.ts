import type { Storage } from "@graphiql/toolkit";

/**
 * Where the editor keeps its question and history. Headers are never kept:
 * the page has no editor for them, and this makes sure of it.
 */
export const storage: Storage = {
  get length() {
    return safely(() => localStorage.length, 0);
  },
  getItem: (key) => safely(() => localStorage.getItem(key), null),
  setItem: (key, value) => {
    if (!/headers$/i.test(key)) localStorage.setItem(key, value);
  },
  removeItem: (key) => safely(() => localStorage.removeItem(key), undefined),
  clear: () => safely(() => localStorage.clear(), undefined),
};

/** Storage can be switched off in the browser; the page works without it. */
function safely<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch {
    return otherwise;
  }
}
