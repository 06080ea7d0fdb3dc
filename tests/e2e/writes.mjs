// Mutations in the REST tab: written, asked about before they run, and the same over GraphQL. On the demo's public notes,
// which a user writes and reads.
import { openTab, rest, sendWrite, write } from "./screens.mjs";

const must = (condition, message) => { if (!condition) throw new Error(message); };
const DIALECTS = ["based", "trailbase"];

/** `graphql` asks the server past the page, as the same user. */
export async function writes({ page, begin, graphql, shot }) {
  const notes = async (where) => (await graphql(`{ public_note(where: ${where}, order_by: {id: asc}) { id title body pinned user_id } }`)).public_note;
  const card = (root, dialect) => page.locator(`[data-root="${root}"] [data-dialect=${dialect}]`);
  const dialog = page.getByRole("dialog", { name: "Run this write?" });

  begin("a mutation is asked about, and does nothing when cancelled");
  await write(page, 'mutation { insert_public_note_one(object: {title: "It\'s from the page", pinned: true}) { id title } }');
  await openTab(page, "REST");
  for (const dialect of DIALECTS) {
    for (const leave of ["Escape", "Cancel", "Close"]) {
      const button = card("insert_public_note_one", dialect).getByRole("button", { name: "Run…" });
      await button.focus();
      await page.keyboard.press("Enter");
      await dialog.waitFor();
      must((await dialog.textContent()).includes("as User 1"), "the dialog does not say as whom");
      must((await dialog.textContent()).includes("It's from the page"), "the dialog does not show what is sent");
      if (leave === "Escape") await page.keyboard.press("Escape");
      else await dialog.getByRole("button", { name: leave }).click();
      await dialog.waitFor({ state: "detached" });
      must(await button.evaluate((element) => element === document.activeElement), `${leave}: the focus is not on the button again`);
    }
  }
  const ours = '{title: {_eq: "It\'s from the page"}}';
  must(!(await notes(ours)).length, "a cancelled write was sent");

  begin("once confirmed it is there, equal over GraphQL");
  for (const [index, dialect] of DIALECTS.entries()) {
    const sent = await sendWrite(page, card("insert_public_note_one", dialect));
    must(sent.status === (dialect === "based" ? 201 : 200), `${dialect} answered ${sent.status}`);
    const rows = await notes(ours);
    must(rows.length === index + 1, `${rows.length} rows after ${index + 1} writes`);
    const row = rows[index];
    must(row.pinned === true && row.user_id === 1 && row.body === null, `${dialect} wrote ${JSON.stringify(row)}`);
    const told = dialect === "based" ? sent.body.data.id : Number(sent.body.ids[0]);
    must(told === row.id, `${dialect} tells ${told}, GraphQL ${row.id}`);
  }

  begin("a row is changed and deleted by its key");
  const [first, second] = (await notes(ours)).map((row) => row.id);
  for (const [dialect, id] of [["based", first], ["trailbase", second]]) {
    await write(page, `mutation { a: update_public_note_by_pk(pk_columns: {id: ${id}}, _set: {title: "by ${dialect}", body: null}) { id } `
      + `b: update_public_note(where: {id: {_eq: ${id}}}, _set: {pinned: false}) { affected_rows } `
      + `c: delete_public_note_by_pk(id: ${id}) { id } }`);
    await openTab(page, "REST");
    for (const root of ["a", "b"]) {
      const sent = await sendWrite(page, card(root, dialect));
      must(sent.status === 200, `${dialect} answered ${sent.status} to ${sent.path}`);
    }
    const [row] = await notes(`{id: {_eq: ${id}}}`);
    must(row.title === `by ${dialect}` && row.pinned === false, `${dialect} left ${JSON.stringify(row)}`);
    must((await sendWrite(page, card("c", dialect))).status === 200, `${dialect} does not delete`);
    must(!(await notes(`{id: {_eq: ${id}}}`)).length, `${dialect} left the row`);
  }

  begin("several rows, and several roots as one transaction");
  await write(page, 'mutation { many: insert_public_note(objects: [{title: "one of two"}, {title: "two of two", pinned: true}]) { affected_rows } '
    + 'single: insert_public_note_one(object: {title: "three of two"}) { id } }');
  await openTab(page, "REST");
  must((await card("many", "based").locator("[data-testid=cannot]").textContent()).includes("creates one row"), "Based says that it creates many");
  must((await sendWrite(page, card("many", "trailbase"))).body.ids.length === 2, "the Records API did not create both");
  must((await sendWrite(page, card("*", "trailbase"))).body.ids.length === 3, "the transaction did not create three");
  const all = await notes('{title: {_like: "% of two"}}');
  must(all.map((row) => row.title).join() === "one of two,two of two,one of two,two of two,three of two", `rows are ${JSON.stringify(all)}`);

  begin("what a dialect cannot say of a mutation is said");
  await write(page, 'mutation { some: update_public_note(where: {pinned: {_eq: true}}, _set: {body: "x"}) { affected_rows } '
    + 'clash: insert_public_note_one(object: {id: 1, title: "x"}, on_conflict: {constraint: public_note_pkey, update_columns: [title], where: {pinned: {_eq: true}}}) { id } '
    + 'put: insert_public_note_one(object: {id: 1, title: "x"}, on_conflict: {constraint: public_note_pkey, update_columns: [title]}) { id } '
    + 'deep: insert_book_one(object: {title: "x", chapter: {data: [{position: 1, title: "y"}]}}) { id author { name } } }');
  const said = async (root, dialect) => (await rest(page, root, false)).find((one) => one.dialect === dialect);
  for (const dialect of DIALECTS) {
    must((await said("some", dialect)).path === null, `${dialect} writes a request for a filter`);
    must((await said("clash", dialect)).cannot.some((text) => text.includes("on_conflict")), `${dialect} keeps quiet about on_conflict`);
    const { cannot } = await said("deep", dialect);
    must(cannot.some((text) => text.includes("chapter")) && cannot.some((text) => text.includes("author")), `${dialect} keeps quiet about relations: ${cannot}`);
  }
  const put = await said("put", "based");
  must(put.path === "PUT /api/public_note/1" && !put.cannot.length, `an upsert by key is ${put.path}: ${put.cannot}`);
  must((await page.locator('[data-root="*"] [data-testid=cannot]').textContent()).includes("some"), "the transaction does not say which root keeps it from being one");

  begin("the curl line of a write holds its body");
  const line = await card("put", "based").locator("[data-testid=curl]").textContent();
  must(line.includes("-X PUT") && line.includes("-H 'content-type: application/json'") && line.includes("-d '{\"title\": \"x\"}'"), line);

  begin("the plan of a mutation: predicate, checks, presets, statements");
  await write(page, 'mutation { insert_book_one(object: {title: "x", price: 9}) { id } '
    + 'update_book(where: {genre: {_eq: "poetry"}}, _set: {price: 3}) { affected_rows } }');
  await openTab(page, "Plan");
  const part = (root, name) => page.locator(`[data-root="${root}"] [data-testid=${name}]`);
  await part("update_book", "sql").first().waitFor();
  const words = async (root, name) => (await part(root, name).allTextContents()).join("\n");
  must((await words("insert_book_one", "checks")).includes("price <= 500"), "the check of new books is not shown");
  must((await words("insert_book_one", "presets")).includes("_USER_.id"), "what the rules set is not shown");
  must(/^INSERT INTO "book"/.test(await words("insert_book_one", "sql")), "the insert is not shown");
  must((await words("update_book", "predicate")).includes("status <> 'archived'"), "the rows that may be changed are not shown");
  must(/^UPDATE "book"/.test(await words("update_book", "sql")), "the update is not shown");
  await shot("mutation-plan", true);

  begin("screenshots of a mutation");
  await write(page, 'mutation Notes {\n  insert_public_note_one(object: {title: "House style", pinned: true}) { id title }\n'
    + '  delete_public_note(where: {title: {_eq: "old"}}) { affected_rows }\n}\n');
  for (const theme of ["light", "dark"]) {
    await page.getByLabel("Theme").selectOption(theme);
    for (const [name, width, height] of [[theme, 1280, 800], [`${theme}-phone`, 390, 844]]) {
      await page.setViewportSize({ width, height });
      await openTab(page, "REST");
      await page.waitForTimeout(250);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      must(wide <= width, `the REST tab is ${wide} pixels wide on a screen of ${width}`);
      await shot(`${name}-mutation`);
      await card("insert_public_note_one", "trailbase").getByRole("button", { name: "Run…" }).click();
      await dialog.waitFor();
      await shot(`${name}-confirm`);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByLabel("Theme").selectOption("light");
}
