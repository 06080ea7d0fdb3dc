import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";
const PLACE = "diglot:theme";
const THEMES: Theme[] = ["system", "light", "dark"];

function stored(): Theme {
  try {
    const value = localStorage.getItem(PLACE);
    return THEMES.find((theme) => theme === value) ?? "system";
  } catch {
    // Storage can be switched off; the page works without it.
    return "system";
  }
}

/** The chosen theme; “system” follows the system while the page is open. */
export function useTheme(): { theme: Theme; choose: (theme: Theme) => void; next: () => void } {
  const [theme, setTheme] = useState<Theme>(stored);
  const [systemDark, setSystemDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const listen = (): void => setSystemDark(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, []);
  const dark = theme === "dark" || (theme === "system" && systemDark);
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    // The editor's own style sheet looks for these classes.
    document.body.classList.toggle("graphiql-dark", dark);
    document.body.classList.toggle("graphiql-light", !dark);
  }, [dark]);
  const choose = (next: Theme): void => {
    setTheme(next);
    try {
      localStorage.setItem(PLACE, next);
    } catch {
      // As above.
    }
  };
  const next = (): void => choose(dark ? "light" : "dark");
  return { theme, choose, next };
}
