// audit.mjs URL [HEADER…]: runs every audit of the package graphql-http against a server, each request with the given
// headers ("name: value"). Prints the failing audits with their reasons and the counts; exit code 1 unless all pass.

import { serverAudits } from "graphql-http";

const LEVELS = ["MUST", "SHOULD", "MAY"];
const TIMEOUT = 10_000; // milliseconds for one answer

const [url, ...headers] = process.argv.slice(2);
if (!url) {
  console.error("usage: audit.mjs URL [HEADER…]");
  process.exit(2);
}
const extra = headers.map((header) => {
  const colon = header.indexOf(":");
  if (colon < 1) {
    console.error(`not a header: ${header} (write it as "name: value")`);
    process.exit(2);
  }
  return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()];
});

async function fetchFn(target, options = {}) {
  const all = new Headers(options.headers);
  for (const [name, value] of extra) all.set(name, value);
  return fetch(target, { ...options, headers: all, signal: AbortSignal.timeout(TIMEOUT) });
}

// What the server answered, short enough for a log.
async function describe(response) {
  const text = response.bodyUsed ? "" : await response.text().catch(() => "");
  const type = response.headers.get("content-type") ?? "no content type";
  return `${response.status}, ${type}${text && `: ${text.slice(0, 500)}`}`;
}

const counts = new Map(LEVELS.map((level) => [level, { passed: 0, all: 0 }]));
const audits = serverAudits({ url, fetchFn });
for (const audit of audits) {
  const level = LEVELS.find((known) => audit.name.startsWith(`${known} `));
  if (!level) throw new Error(`an audit of no known level: ${audit.name}`);
  const count = counts.get(level);
  count.all += 1;
  try {
    const result = await audit.fn();
    if (result.status === "ok") {
      count.passed += 1;
      continue;
    }
    console.log(`failed ${audit.id} ${audit.name}\n  ${result.reason}\n  answer: ${await describe(result.response)}`);
  } catch (error) {
    console.log(`failed ${audit.id} ${audit.name}\n  ${error.message} ${error.cause?.message ?? ""}`);
  }
}

const passed = [...counts.values()].reduce((sum, count) => sum + count.passed, 0);
const parts = LEVELS.map((level) => `${level.toLowerCase()} ${counts.get(level).passed} of ${counts.get(level).all}`);
console.log(`${passed} of ${audits.length} audits: ${parts.join(", ")}`);
process.exitCode = audits.length > 0 && passed === audits.length ? 0 : 1;
