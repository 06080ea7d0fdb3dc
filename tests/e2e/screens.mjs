// What a person does on the playground's page, in small functions.

export const editor = (page) => page.locator(".editor-query .CodeMirror");

export async function openTab(page, name) {
  await page.getByRole("tab", { name, exact: true }).click();
  await page.getByRole("tabpanel", { name, exact: true }).waitFor();
}

/** Puts a question into the editor and waits until the page has taken it over. */
export async function write(page, query) {
  await openTab(page, "GraphQL");
  await editor(page).evaluate((element, text) => element.CodeMirror.setValue(text), query);
  // The editor tells the page after a short pause in typing.
  await page.waitForTimeout(300);
}

/** Runs the question and gives the answer's JSON. */
export async function run(page) {
  await openTab(page, "GraphQL");
  const answered = page.waitForResponse(
    (response) => response.request().method() === "POST" && new URL(response.url()).pathname.endsWith("/graphql"));
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  await answered;
  const text = await page.waitForFunction(() => {
    const shown = document.querySelector(".answer .CodeMirror")?.CodeMirror.getValue().trim();
    return shown || null;
  });
  return JSON.parse(await text.jsonValue());
}

/** Chooses who asks: anonymous | user | role | admin | token. */
export async function ask(page, kind, fields = {}) {
  await page.getByRole("button", { name: /^Who asks/ }).first().click();
  const dialog = page.getByRole("dialog", { name: "Who asks" });
  await dialog.locator(`input[type=radio][value=${kind}]`).check();
  for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).first().fill(value);
  const catalog = page.waitForResponse((response) => response.url().includes("/playground/api/catalog"));
  await dialog.getByRole("button", { name: "Ask as this caller" }).click();
  await catalog;
  await dialog.waitFor({ state: "detached" });
  // The editor reads the new caller's schema.
  await page.waitForTimeout(400);
}

/** The REST tab's cards of a root, each run unless told otherwise: dialect, path, status, body, what can't be said. */
export async function rest(page, root, runs = true) {
  await openTab(page, "REST");
  const block = page.locator(`[data-root="${root}"]`).first();
  await block.waitFor();
  const result = [];
  for (const card of await block.locator("[data-dialect]").all()) {
    const dialect = await card.getAttribute("data-dialect");
    const cannot = await card.locator("[data-testid=cannot] li").allTextContents();
    const able = await card.getByRole("button", { name: "Run" }).count();
    if (!able || !runs) {
      const path = able ? await card.locator("[data-testid=path]").textContent() : null;
      result.push({ dialect, path, status: null, body: null, cannot });
      continue;
    }
    await card.getByRole("button", { name: "Run" }).click();
    const status = card.locator("[data-testid=status]");
    await status.waitFor();
    const body = card.locator("[data-testid=body]");
    if (await status.textContent().then((text) => text.startsWith("200"))) await body.waitFor();
    result.push({
      dialect, cannot,
      path: await card.locator("[data-testid=path]").textContent(),
      curl: await card.locator("[data-testid=curl]").textContent(),
      status: Number.parseInt(await status.textContent(), 10),
      body: (await body.count()) ? JSON.parse(await body.textContent()) : null,
    });
  }
  return result;
}

/** Runs a card that writes, through the dialog that asks: path, status, body. */
export async function sendWrite(page, card) {
  await card.getByRole("button", { name: "Run…" }).click();
  const dialog = page.getByRole("dialog", { name: "Run this write?" });
  const answered = page.waitForResponse((response) => response.request().method() !== "GET");
  await dialog.getByRole("button", { name: "Run it" }).click();
  await dialog.waitFor({ state: "detached" });
  const response = await answered;
  await card.locator("[data-testid=status]").waitFor();
  const text = await response.text();
  return {
    path: await card.locator("[data-testid=path]").textContent(),
    status: response.status(), body: text ? JSON.parse(text) : null,
  };
}

/** The rows in a REST answer, whatever its dialect calls them. */
export function restRows(body) {
  for (const name of ["data", "records", "items", "results"]) {
    if (Array.isArray(body?.[name])) return body[name];
  }
  return [body?.data ?? body];
}
