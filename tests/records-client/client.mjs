// client.mjs URL ADMIN_SECRET: reads and writes records of the demo with the product's own client, as two users. Prints what
// failed and one line of counts; exit code 1 unless everything holds.

import assert from "node:assert/strict";
import { FetchError, initClient } from "trailbase";

const TIMEOUT = 10_000; // milliseconds for one answer

const [url, secret] = process.argv.slice(2);
if (!url || !secret) {
  console.error("usage: client.mjs URL ADMIN_SECRET");
  process.exit(2);
}

// The client as a user of that id: the secret lets a caller act as anybody.
function clientOf(id) {
  const transport = {
    fetch(path, init = {}) {
      const headers = new Headers(init.headers);
      headers.set("x-diglot-admin-secret", secret);
      headers.set("x-diglot-role", "user");
      headers.set("x-diglot-user-id", id);
      return fetch(new URL(path, url), { ...init, headers, signal: AbortSignal.timeout(TIMEOUT) });
    },
  };
  return initClient(url, { transport });
}

const refusedWith = (status, pattern) => (error) => {
  assert.ok(error instanceof FetchError, `${error}`);
  assert.equal(error.status, status, error.message);
  assert.match(error.message, pattern);
  return true;
};

const [one, two] = [clientOf("1"), clientOf("2")];
const notes = one.records("public_note");
const books = one.records("book");
const book = { title: "By its own client", author_id: 1, genre: "fiction" };

// The ids of a list, in its order.
const idsOf = async (api, options) => (await api.list(options)).records.map((record) => record.id);

const checks = {
  async "lists are filtered by every comparison, and by groups of them"() {
    const all = (await books.list({ order: ["id"], pagination: { limit: 200 } })).records;
    const ids = (holds) => all.filter(holds).map((record) => record.id);
    const priced = (record) => record.price !== null;
    for (const [filter, holds] of [
      [{ column: "genre", value: "essay" }, (record) => record.genre === "essay"],
      [{ column: "genre", op: "equal", value: "essay" }, (record) => record.genre === "essay"],
      [{ column: "genre", op: "notEqual", value: "essay" }, (record) => record.genre !== "essay"],
      [{ column: "price", op: "lessThan", value: "12.5" }, (record) => priced(record) && record.price < 12.5],
      [{ column: "price", op: "lessThanEqual", value: "12.5" }, (record) => priced(record) && record.price <= 12.5],
      [{ column: "price", op: "greaterThan", value: "12.5" }, (record) => record.price > 12.5],
      [{ column: "price", op: "greaterThanEqual", value: "12.5" }, (record) => record.price >= 12.5],
      [{ column: "title", op: "like", value: "%the%" }, (record) => /the/i.test(record.title)],
      [{ column: "title", op: "regexp", value: "^[A-M]" }, (record) => /^[A-M]/.test(record.title)],
    ]) {
      const expected = ids(holds);
      assert.ok(expected.length > 0 && expected.length < all.length, `${JSON.stringify(filter)} decides nothing`);
      assert.deepEqual(await idsOf(books, { filters: [filter], order: ["id"], pagination: { limit: 200 } }), expected, JSON.stringify(filter));
    }
    const filters = [
      { or: [{ column: "genre", value: "essay" }, { and: [{ column: "pages", op: "greaterThan", value: "100" }, { column: "language", value: "en" }] }] },
      { column: "price", op: "greaterThan", value: "5" },
    ];
    const expected = ids((record) => (record.genre === "essay" || (record.pages > 100 && record.language === "en")) && record.price > 5);
    assert.ok(expected.length > 1);
    assert.deepEqual(await idsOf(books, { filters, order: ["id"], pagination: { limit: 200 } }), expected);
  },

  async "pages follow each other by cursor and by offset, in any order"() {
    const whole = await idsOf(books, { order: ["-price", "+title"], pagination: { limit: 200 } });
    const seen = [];
    let cursor;
    do {
      const page = await books.listOp({ order: ["-price", "+title"], count: true, pagination: { cursor, limit: 7 } }).query();
      assert.equal(page.total_count, whole.length);
      seen.push(...page.records.map((record) => record.id));
      ({ cursor } = page);
    } while (cursor);
    assert.deepEqual(seen, whole);
    assert.deepEqual(await idsOf(books, { order: ["-price", "+title"], pagination: { limit: 3, offset: 5 } }), whole.slice(5, 8));
    // Without an order the newest key comes first.
    const newest = await idsOf(books, { pagination: { limit: 2 } });
    assert.deepEqual(newest, [...newest].sort((a, b) => b - a));
    await assert.rejects(books.list({ pagination: { cursor: "x" } }), refusedWith(400, /cursor/));
  },

  async "foreign keys are expanded in lists and records"() {
    const [first] = (await books.list({ expand: ["author_id"], order: ["id"], pagination: { limit: 1 } })).records;
    assert.equal(first.author_id.data.name, "Ilse Vandermeer");
    const record = await books.read(first.id, { expand: ["author_id"] });
    assert.deepEqual(record.author_id, first.author_id);
    assert.equal((await books.readOp(String(first.id)).query()).author_id.id, first.author_id.id);
    await assert.rejects(books.read(first.id, { expand: ["genre"] }), refusedWith(400, /expandable/));
    await assert.rejects(books.listGeoOp("title").query(), refusedWith(400, /title/));
  },

  async "operations run by themselves too, and fetch carries the credentials"() {
    const id = await notes.createOp({ title: "by itself" }).query();
    await notes.updateOp(Number(id), { title: "changed by itself" }).query();
    const answer = await one.fetch(`/api/records/v1/public_note/${id}`);
    assert.equal((await answer.json()).title, "changed by itself");
    await notes.deleteOp(id).query();
    await assert.rejects(one.fetch(`/api/records/v1/public_note/${id}`), refusedWith(404, /not found/));
    assert.equal((await one.fetch(`/api/records/v1/public_note/${id}`, { throwOnError: false })).status, 404);
  },

  async "what is not served is refused as the client expects"() {
    await assert.rejects(notes.subscribe("*"), (error) => error instanceof FetchError && error.status === 405);
  },

  async "a record is created, read, changed and deleted"() {
    const id = await notes.create({ title: "first", body: "é \" \\", pinned: true });
    assert.equal(typeof id, "string");
    const note = await notes.read(id);
    assert.deepEqual([note.title, note.body, note.pinned, note.user_id], ["first", "é \" \\", true, 1]);
    await notes.update(id, { body: null });
    assert.equal((await notes.read(id)).body, null);
    await notes.delete(id);
    await assert.rejects(notes.read(id), refusedWith(404, /not found/));
    await assert.rejects(notes.delete(id), refusedWith(404, /no such row/));
  },

  async "many are created together, in their order, or none"() {
    const ids = await notes.createBulk([{ title: "a" }, { title: "b", pinned: true }, { title: "c" }]);
    const titles = await Promise.all(ids.map(async (id) => (await notes.read(id)).title));
    assert.deepEqual(titles, ["a", "b", "c"]);
    const before = await notes.list({ count: true, pagination: { limit: 0 } });
    await assert.rejects(notes.createBulk([{ title: "d" }, { title: 7 }]), refusedWith(400, /record \[1\]: title/));
    const after = await notes.list({ count: true, pagination: { limit: 0 } });
    assert.equal(after.total_count, before.total_count);
  },

  async "a row of somebody else is not written"() {
    const id = await notes.create({ title: "mine" });
    const theirs = two.records("public_note");
    assert.equal((await theirs.read(id)).title, "mine");
    await assert.rejects(theirs.update(id, { title: "theirs" }), refusedWith(403, /may not change this row/));
    await assert.rejects(theirs.delete(id), refusedWith(403, /may not delete this row/));
    await assert.rejects(notes.create({ title: "x", user_id: 2 }), refusedWith(403, /may not set "user_id"/));
    assert.equal((await notes.read(id)).title, "mine");
  },

  async "what is wrong is said"() {
    await assert.rejects(notes.create({ titel: "x" }), refusedWith(400, /unknown column "titel".*"title"/));
    await assert.rejects(notes.create({ title: null }), refusedWith(400, /"title" cannot be null/));
    await assert.rejects(notes.update("x", { title: "x" }), refusedWith(400, /^Invalid id$/));
    await assert.rejects(books.create({ ...book, author_id: 1e9 }), refusedWith(400, /refers to/));
    await assert.rejects(books.create({ ...book, price: 501 }), refusedWith(403, /does not satisfy the rule/));
    await assert.rejects(one.records("nowhere").create({}), refusedWith(405, /^/));
    await assert.rejects(one.records("book_overview").create({ id: 1 }), (error) => [403, 405].includes(error.status));
  },

  async "several operations are one transaction"() {
    const [id, other] = await one.execute([
      notes.createOp({ title: "of a transaction" }),
      books.createOp(book),
    ]);
    assert.equal((await notes.read(id)).title, "of a transaction");
    assert.equal((await books.read(other)).title, book.title);
    const created = await one.execute([
      notes.updateOp(id, { title: "changed" }),
      books.deleteOp(other),
      notes.createOp({ title: "one more" }),
    ]);
    assert.equal(created.length, 1);
    assert.equal((await notes.read(id)).title, "changed");
    await assert.rejects(books.read(other), refusedWith(404, /not found/));
    const failing = one.execute([notes.updateOp(id, { title: "undone" }), notes.deleteOp("999999999")]);
    await assert.rejects(failing, refusedWith(404, /operation \[1\]: /));
    assert.equal((await notes.read(id)).title, "changed");
  },

  async "or each its own"() {
    const ids = await one.execute(
      [notes.createOp({ title: "stays" }), notes.createOp({ title: 7 }), notes.createOp({ title: "stays too" })],
      false,
    );
    const titles = await Promise.all(ids.map(async (id) => (await notes.read(id)).title));
    assert.deepEqual(titles, ["stays", "stays too"]);
  },
};

let passed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    passed += 1;
  } catch (error) {
    console.log(`failed: ${name}\n  ${error.stack}`);
  }
}
const all = Object.keys(checks).length;
console.log(`${passed} of ${all} checks with the client of npm`);
process.exitCode = passed === all ? 0 : 1;
