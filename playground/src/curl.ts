import type { Header } from "./caller";
import type { Request } from "./dialects/dialect";

/**
 * A curl line that works when pasted into a POSIX shell. Masked secrets become
 * shell variables, so that the line still works once they are set.
 */
export function curl(origin: string, request: Request, headers: Header[], shown: boolean): string {
  const { method, path, body } = request;
  // curl's own method for a body is POST.
  const plain = method === (body === null ? "GET" : "POST");
  const parts = [plain ? "curl --globoff" : `curl --globoff -X ${method}`, quote(origin + path)];
  for (const header of headers) {
    const masked = header.secret && !shown;
    parts.push(masked
      ? `-H "${header.name}: ${header.secret!.prefix}$${header.secret!.variable}"`
      : `-H ${quote(`${header.name}: ${header.value}`)}`);
  }
  if (body !== null) parts.push("-H 'content-type: application/json'", `-d ${quote(body)}`);
  return parts.join(" \\\n  ");
}

function quote(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
