// Starts the system's Chromium and watches what a page must not do.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? find();
  if (!executablePath) throw new Error("No Chromium found. Install the package “chromium”, or name one in CHROMIUM.");
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

function find() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not here: look on.
      }
    }
  }
  return null;
}

/** Records console errors, exceptions, breaches of the page's policy and requests to other hosts. */
export async function watch(context, origin) {
  const faults = [];
  // Failed requests that a step provokes on purpose; set while it runs.
  const watcher = { faults, expected: null };
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== origin) faults.push(`a request to another host: ${request.url()}`);
  });
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    if (watcher.expected?.test(message.text())) return;
    faults.push(`a console error: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => faults.push(`an exception: ${error.error().stack ?? error.error()}`));
  await context.exposeFunction("reportBreach", (text) => faults.push(`a breach of the policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.reportBreach(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return watcher;
}
