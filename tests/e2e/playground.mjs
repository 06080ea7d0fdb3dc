// Tests the playground in a real browser against a running Diglot with its demo database.
//
//   node playground.mjs --base http://127.0.0.1:4000 --admin-secret S --out DIR
//
// Exit code 0: all steps passed. 1: a step failed, named on standard error. 2: wrong usage.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, watch } from "./browser.mjs";
import { ask, editor, openTab, rest, restRows, run, write } from "./screens.mjs";
import { writes } from "./writes.mjs";

const { values: options } = parseArgs({
  options: { base: { type: "string" }, "admin-secret": { type: "string" }, out: { type: "string" } },
});
if (!options.base || !options["admin-secret"] || !options.out) {
  console.error("usage: node playground.mjs --base URL --admin-secret SECRET --out DIRECTORY");
  process.exit(2);
}
const origin = new URL(options.base).origin;
const secret = options["admin-secret"];
mkdirSync(options.out, { recursive: true });

let step = "start";
let page;
let watcher;
const begin = (name) => { step = name; console.log(`- ${name}`); };
const must = (condition, message) => { if (!condition) throw new Error(message); };
const shot = (name, full = false) => page.screenshot({ path: join(options.out, `${name}.png`), fullPage: full });

const browser = await launch();
try {
  await test();
  console.log("playground: all steps passed");
} catch (error) {
  await page?.screenshot({ path: join(options.out, "failure.png") }).catch(() => {});
  console.error(`playground: failed at “${step}”: ${error.message}`);
  for (const fault of watcher?.faults ?? []) console.error(`  the page caused ${fault}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

async function test() {
  begin("choose a table from the catalog");
  const asked = await choose();

  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  context.setDefaultTimeout(10_000);
  watcher = await watch(context, origin);
  page = await context.newPage();

  begin("load");
  const answer = await page.goto(`${origin}/playground/`);
  must(answer.ok(), `/playground/ answered ${answer.status()}`);
  const policy = answer.headers()["content-security-policy"] ?? "";
  must(/script-src 'self'/.test(policy) && !/unsafe-eval/.test(policy), `the page's policy is not strict: “${policy}”`);
  await page.waitForFunction(() => document.querySelector(".editor-query .CodeMirror")?.CodeMirror.getValue().includes("{"));

  begin("the first example runs for an anonymous caller");
  const first = await run(page);
  must(first.data && !first.errors, `the first example failed: ${JSON.stringify(first).slice(0, 300)}`);

  begin("completion from the schema");
  await write(page, "{ ");
  await editor(page).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("Control+Space");
  await page.locator(".CodeMirror-hints li").first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".CodeMirror-hints").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  must(await page.evaluate(() => document.activeElement?.id === "run"), "Escape does not leave the editor");

  begin("documentation, history and examples open");
  for (const name of ["Docs", "History", "Examples"]) {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("complementary", { name }).waitFor();
  }
  await page.getByRole("button", { name: "Examples", exact: true }).click();

  begin("the plan needs the admin secret");
  await openTab(page, "Plan");
  must(!(await page.locator("[data-testid=sql]").count()), "an anonymous visitor sees SQL");

  begin("the admin sees every row");
  await ask(page, "admin", { "Admin secret": secret });
  await write(page, asked.query);
  const admin = (await run(page)).data?.[asked.table] ?? [];
  must(admin.length === asked.adminRows, `${admin.length} rows in the page, ${asked.adminRows} without it`);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  must(!kept.includes(secret), "the admin secret is in the browser's storage");

  begin("REST answers the same rows");
  await sameRows(asked, admin);

  begin("nested filters mean the same over REST");
  must(admin.length > 8, `${asked.table} has too few rows for this step`);
  const ids = admin.map((row) => JSON.stringify(row[asked.key]));
  const { table, key } = asked;
  await compare(asked, `where: {_or: [{${key}: {_in: [${ids[0]}, ${ids[3]}, ${ids[5]}]}}, `
    + `{_and: [{${key}: {_gt: ${ids[1]}}}, {${key}: {_lte: ${ids[8]}}}, {_not: {${key}: {_eq: ${ids[4]}}}}]}], `
    + `${key}: {_nin: [${ids[5]}, ${ids[6]}]}}, order_by: {${key}: desc}, limit: 4, offset: 1`, ["trailbase"]);
  await compare(asked, `where: {${key}: {_eq: ${ids[3]}, _is_null: false}}`, ["trailbase"]);
  await compare(asked, `where: {_and: [{${key}: {_eq: ${ids[3]}}}]}`, ["based", "trailbase"]);

  begin("REST masks the secret until it is shown");
  const curl = page.locator("[data-testid=curl]").first();
  must(!(await curl.textContent()).includes(secret), "the curl line shows the secret unasked");
  await page.getByLabel("Show secrets").check();
  must((await curl.textContent()).includes(secret), "the curl line does not show the secret");
  await page.getByLabel("Show secrets").uncheck();

  begin("REST says one row by its key, and what it has no words for");
  await write(page, `{ one: ${table}_by_pk(${key}: ${ids[0]}) { ${key} } `
    + `some: ${table}(where: {_not: {_and: [{${key}: {_neq: ${ids[0]}}}]}}, distinct_on: ${key}) { ${key} } }`);
  for (const card of await rest(page, "one")) {
    must(card.status === 200, `${card.dialect} answered ${card.status} to ${card.path}`);
    must(String(restRows(card.body)[0][asked.key]) === String(admin[0][asked.key]), `${card.dialect} answered another row`);
  }
  for (const card of await rest(page, "some")) {
    must(card.cannot.some((text) => text.includes("distinct_on")), `${card.dialect} keeps quiet about distinct_on`);
    must(restRows(card.body).length === 1, `${card.dialect}: the filter is lost in ${card.path}`);
  }

  begin("a user sees no more than the admin");
  await ask(page, "user", { "User id": "1" });
  await write(page, asked.query);
  const user = (await run(page)).data?.[asked.table] ?? [];
  must(user.length <= admin.length, `a user sees ${user.length} rows, the admin ${admin.length}`);

  await writes({ page, begin, shot, graphql: (query) => asUser("1", query) });

  begin("an anonymous caller sees fewer rows or is refused");
  watcher.expected = /Failed to load resource.*40[13]/;
  await ask(page, "anonymous");
  await write(page, asked.query);
  const anonymous = await run(page);
  const fewer = anonymous.data?.[asked.table];
  must(anonymous.errors || fewer.length < admin.length, `anonymous sees all ${admin.length} rows of ${asked.table}`);
  if (fewer?.length) await sameRows(asked, fewer);
  watcher.expected = null;

  begin("the plan of the anonymous caller");
  await openTab(page, "Plan");
  const planned = page.locator("[data-testid=sql]").first();
  if (fewer) {
    await planned.waitFor();
    must(/select/i.test(await planned.textContent()), "the Plan tab shows no SQL");
    must((await page.locator("[data-testid=predicate]").first().textContent()).trim(), "the Plan tab shows no predicate");
  }
  await ask(page, "admin", { "Admin secret": secret });
  await planned.waitFor();
  must((await page.locator("[data-testid=explain]").first().textContent()).trim(), "the Plan tab shows no EXPLAIN");

  begin("the schema's relations are followed, its examples run");
  await openTab(page, "Schema");
  await page.getByRole("navigation", { name: "Tables" }).getByRole("button", { name: asked.related, exact: true }).click();
  const before = await page.locator(".schema-detail h2").textContent();
  await page.locator(".relations .link").first().click();
  must(before === asked.related, `the page shows ${before}, not ${asked.related}`);
  await page.locator(".schema-detail .example-list button").first().click();
  await page.waitForTimeout(300);
  const example = await run(page);
  must(example.data && !example.errors, `an example failed: ${JSON.stringify(example).slice(0, 300)}`);

  begin("keyboard: tabs by arrows, the list of shortcuts");
  await page.getByRole("tab", { name: "GraphQL" }).focus();
  await page.keyboard.press("ArrowRight");
  must(await page.getByRole("tab", { name: "REST", selected: true }).count(), "an arrow does not change the tab");
  await page.keyboard.press("Shift+?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await shot("shortcuts");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Alt+Shift+Digit4");
  must(await page.getByRole("tab", { name: "Schema", selected: true }).count(), "the shortcut does not open the schema");
  const read = page.waitForResponse((response) => response.url().includes("/playground/api/catalog"));
  await page.keyboard.press("Alt+Shift+KeyR");
  await read;

  begin("screenshots, light and dark, wide and narrow");
  await write(page, asked.picture);
  await run(page);
  for (const theme of ["light", "dark"]) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByLabel("Theme").selectOption(theme);
    await pictures(`${theme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await pictures(`${theme}-phone`);
  }
  await page.getByLabel("Theme").selectOption("system");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark")
    .catch(() => { throw new Error("the page does not follow the system's dark"); });

  begin("a wrong secret and a lost server are said in words");
  watcher.expected = /Failed to load resource/;
  await page.setViewportSize({ width: 1280, height: 800 });
  await ask(page, "admin", { "Admin secret": `${secret}-wrong` });
  await page.getByRole("alert").filter({ hasText: "401" }).waitFor();
  await shot("wrong-secret");
  await context.setOffline(true);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("alert").filter({ hasText: "can’t be reached" }).waitFor();
  await context.setOffline(false);
  watcher.expected = null;
  await ask(page, "anonymous");
  await page.getByRole("alert").waitFor({ state: "detached" });

  begin("no console errors, no other host, no breach of the policy");
  must(!watcher.faults.length, `the page caused\n    ${watcher.faults.join("\n    ")}`);
}

/** GraphQL's data for a user, past the page. */
async function asUser(id, query) {
  const answer = await fetch(`${origin}/graphql`, {
    method: "POST", body: JSON.stringify({ query }),
    headers: {
      "content-type": "application/json", "x-diglot-admin-secret": secret, "x-diglot-role": "user", "x-diglot-user-id": id,
    },
  });
  const { data, errors } = await answer.json();
  must(!errors, `GraphQL refuses ${query}: ${JSON.stringify(errors)}`);
  return data;
}

/** Every tab of the page, checked for sideways scrolling, into files. */
async function pictures(name) {
  for (const tab of ["GraphQL", "REST", "Plan", "Schema"]) {
    await openTab(page, tab);
    if (tab === "Plan") await page.locator("[data-testid=sql]").first().waitFor();
    if (tab === "REST") await page.locator("[data-dialect] button", { hasText: "Run" }).first().click();
    await page.waitForTimeout(250);
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    must(wide <= room, `the ${tab} tab is ${wide} pixels wide on a screen of ${room}`);
    await shot(`${name}-${tab.toLowerCase()}`);
  }
  await page.keyboard.press("Alt+Shift+KeyW");
  await page.getByRole("dialog", { name: "Who asks" }).waitFor();
  await shot(`${name}-who`);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

/** A question with these arguments over GraphQL and the dialects that must be able to say all of it. */
async function compare(asked, given, able) {
  await write(page, `{ ${asked.table}(${given}) { ${asked.columns.join(" ")} } }`);
  const answer = await run(page);
  must(answer.data, `GraphQL refuses ${given}: ${JSON.stringify(answer.errors)}`);
  must(answer.data[asked.table].length, `no row for ${given}`);
  const cards = await rest(page, asked.table);
  for (const card of cards.filter((one) => able.includes(one.dialect))) {
    must(!card.cannot.length, `${card.dialect} can't say ${card.cannot.join("; ")}`);
  }
  sameAs(asked, cards.filter((card) => !card.cannot.length), answer.data[asked.table]);
}

/** The question in the editor, in every dialect: the same rows in the same order. */
async function sameRows(asked, expected) {
  const cards = await rest(page, asked.table);
  must(cards.length, "the REST tab shows no dialect");
  sameAs(asked, cards, expected);
}

function sameAs(asked, cards, expected) {
  for (const card of cards) {
    must(card.status === 200, `${card.dialect} answered ${card.status} to ${card.path}`);
    const rows = restRows(card.body);
    const plain = (row) => asked.columns.map((column) => `${column}=${row[column]}`).join(" ");
    must(rows.length === expected.length, `${card.dialect} gives ${rows.length} rows, GraphQL ${expected.length}`);
    rows.forEach((row, index) => {
      must(plain(row) === plain(expected[index]), `${card.dialect}, row ${index}: ${plain(row)} — GraphQL: ${plain(expected[index])}`);
    });
  }
}

/** A table of which the admin sees more rows than anybody; its columns of plain types. */
async function choose() {
  const admin = { "x-diglot-admin-secret": secret };
  const found = await fetch(`${origin}/playground/api/catalog`, { headers: admin });
  must(found.ok, `the catalog answered ${found.status}`);
  const { tables } = await found.json();
  must(tables?.length, "the catalog holds no table");
  const related = tables.find((table) => table.relations.length)?.name;
  must(related, "no table has a relation");
  // The demo's own table of books first, because its pictures are the ones in the README.
  const order = [...tables].sort((a, b) => Number(b.name === "book") - Number(a.name === "book"));
  for (const table of order) {
    if (table.key.length !== 1 || !/^[_A-Za-z]\w*$/.test(table.name)) continue;
    const columns = table.columns.filter((column) => /^(small|big)?int|text|char|bool/i.test(column.type)).map((column) => column.name);
    const [key] = table.key;
    if (!columns.includes(key)) continue;
    const query = `{ ${table.name}(limit: 500, order_by: {${key}: asc}) { ${columns.join(" ")} } }`;
    const count = async (headers) => {
      const answer = await fetch(`${origin}/graphql`, {
        method: "POST", body: JSON.stringify({ query }), headers: { "content-type": "application/json", ...headers },
      });
      return (await answer.json()).data?.[table.name]?.length ?? 0;
    };
    const [adminRows, anonymousRows] = [await count(admin), await count({})];
    if (adminRows > anonymousRows && anonymousRows > 0) {
      const inner = table.relations.find((relation) => tables.some((other) => other.name === relation.table));
      const label = inner && tables.find((other) => other.name === inner.table).columns.slice(0, 2).map((column) => column.name).join(" ");
      const picture = `query Shelf {\n  ${table.name}(where: {${key}: {_gt: 2}}, limit: 5, order_by: {${key}: desc}) {\n    ${columns.slice(0, 3).join("\n    ")}\n`
        + `${inner ? `    ${inner.name} { ${label} }\n` : ""}  }\n}\n`;
      return { table: table.name, key, columns, query, adminRows, related, picture };
    }
  }
  throw new Error("no table shows an anonymous caller some rows and the admin more");
}
