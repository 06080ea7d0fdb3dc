// writes.mjs URL ADMIN_SECRET: writes records of the demo with the product's own client, as two users. Prints what failed and
// one line of counts; exit code 1 unless everything holds.

import assert from "node:assert/strict";
import { FetchError, initClient } from "trailbase";

const TIMEOUT = 10_000; // milliseconds for one answer

const [url, secret] = process.argv.slice(2);
if (!url || !secret) {
  console.error("usage: writes.mjs URL ADMIN_SECRET");
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

const checks = {
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
