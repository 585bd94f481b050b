// What checks of the dashboard have in common.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Where the control plane is, an API key of its usual tenant, and what else a check was given. */
export const [base, key, ...more] = process.argv.slice(3);
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 780 };
export const PASSWORD = "correct horse battery";
const EMAIL = "ana@example.com";
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Nothing is loading any more. */
export async function settled(page) {
  await page.waitForSelector("h1");
  await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'));
}

/** Kept for whoever looks at them, where `FLOOPY_SHOTS` says. */
async function picture(page, what) {
  const at = process.env.FLOOPY_SHOTS;
  if (at) await page.screenshot({ path: `${at}/${what.replaceAll(/[^a-z0-9]+/gi, "-")}-${page.viewportSize().width}.png` });
}

export async function accessible(page, what) {
  // What is half faded in has half its contrast.
  await page.waitForFunction(() => !document.getAnimations().some((one) => one instanceof CSSTransition));
  await picture(page, what);
  // By hand, as the pages let no other script in.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), RULES);
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
  assert.deepEqual(told, [], `${what} is not accessible`);
}

export async function account(page, asked = key) {
  await page.goto(base);
  await page.getByRole("button", { name: "Make one with your API key" }).click();
  await page.locator("input[name=key]").fill(asked);
  await page.getByLabel("E-mail").fill(asked === key ? EMAIL : "bo@example.com");
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

export async function signIn(page, password) {
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.locator("input[name=password]").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function signOut(page) {
  await page.getByRole("button", { name: "@example.com" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** What the API says, under the key of the usual tenant. */
export async function told(page, path) {
  const answer = await page.request.get(base + path, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status(), 200, path);
  return answer.json();
}

/** The same until it is as it should be. */
export async function until(page, path, isSo) {
  for (let left = 120; ; left -= 1) {
    const found = await told(page, path);
    if (isSo(found)) return found;
    assert.ok(left > 0, `${path} stays ${JSON.stringify(found).slice(0, 2_000)}`);
    await page.waitForTimeout(250);
  }
}

/** Nothing is wider than a phone. */
export async function fits(page, what) {
  await page.setViewportSize(PHONE);
  await settled(page);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${what} is ${over} pixels wider than a phone`);
  await accessible(page, `${what} on a phone`);
  await page.setViewportSize(DESKTOP);
}
