import type { Header } from "./caller";

/**
 * A curl line that works when pasted into a POSIX shell. Masked secrets become
 * shell variables, so that the line still works once they are set.
 */
export function curl(url: string, method: string, headers: Header[], shown: boolean): string {
  const parts = [method === "GET" ? "curl --globoff" : `curl --globoff -X ${method}`, quote(url)];
  for (const header of headers) {
    const masked = header.secret && !shown;
    parts.push(masked
      ? `-H "${header.name}: ${header.secret!.prefix}$${header.secret!.variable}"`
      : `-H ${quote(`${header.name}: ${header.value}`)}`);
  }
  return parts.join(" \\\n  ");
}

function quote(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
