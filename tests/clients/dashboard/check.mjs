// Uses the dashboard as people do: node check.mjs CHECK CONTROL_PLANE API_KEY MORE...
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { IMPROVING } from "./improving.mjs";
import { MANY } from "./many.mjs";
import { RUNNING } from "./running.mjs";
import { accessible, account, base, DESKTOP, more, PASSWORD, PHONE, settled, signIn, signOut } from "./steps.mjs";

const [check] = process.argv.slice(2);
const [otherKey] = more;
const CHROMIUM = process.env.FLOOPY_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const PAGES = ["/", "/decisions", "/routing", "/routing/constraints", "/routing/rules", "/sessions", "/sessions/dash-3",
  "/experiments", "/promotions", "/feedback", "/safety", "/usage", "/prompts", "/access", "/access/keys", "/access/providers",
  "/access/projects", "/access/webhooks", "/audit", "/fleet", "/evaluations", "/evaluations/datasets", "/usage/budgets", "/usage/savings",
  "/pool", "/playground", "/account"];

const CHECKS = {
  async sign_in(page) {
    await page.goto(base);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await accessible(page, "signing in");
    await account(page);
    const [cookie] = await page.context().cookies();
    assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
    assert.equal(await page.evaluate(() => document.cookie), "");
    await signOut(page);
    const late = await page.request.get(`${base}/v1/keys`, { headers: { cookie: `floopy_session=${cookie.value}` } });
    assert.equal(late.status(), 401, "the cookie is good for nothing once it was signed out");
    await signIn(page, "wrong password!");
    await page.getByRole("alert").filter({ hasText: "do not belong together" }).waitFor();
    await signIn(page, PASSWORD);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const forged = await page.evaluate(() => fetch("/v1/projects", { method: "POST", body: '{"name": "x"}' }).then((answer) => answer.status));
    assert.equal(forged, 403, "a change without the header");
    await signOut(page);
    await account(page, otherKey);
    await page.goto(`${base}/sessions/dash-3`);
    await page.getByText("no such session").waitFor();
    await page.goto(`${base}/decisions`);
    await page.getByText("No decision yet").waitFor();
  },

  async decisions(page) {
    await account(page);
    await page.getByRole("link", { name: "Decisions" }).click();
    const rows = page.getByRole("table", { name: "Decisions" }).getByRole("row");
    await rows.nth(24).waitFor();
    await page.getByLabel("Session or request").fill("dash-3");
    await page.waitForFunction(() => document.querySelectorAll(".vrow").length === 2);
    await page.keyboard.press("Tab");
    await rows.nth(1).getByRole("button").focus();
    await page.keyboard.press("Enter");
    const panel = page.getByRole("dialog");
    const said = panel.getByTestId("explanation");
    await said.waitFor();
    const english = await said.textContent();
    await panel.getByText("Português").click();
    await page.waitForFunction((before) => document.querySelector("[data-testid=explanation]")?.textContent !== before, english);
    await panel.getByRole("table").waitFor();
    assert.ok((await panel.getByRole("row").count()) > 2, "several candidates were weighed");
    await accessible(page, "the panel");
    await panel.getByRole("tab", { name: "Outcome" }).click();
    await panel.getByText("Floopy itself").waitFor();
    await panel.getByRole("tab", { name: "Replay" }).click();
    await panel.getByLabel("Models that may not serve").fill((await panel.getByRole("heading").nth(1).textContent()) ?? "");
    await page.keyboard.press("Enter");
    // Leaving the field closes its list.
    await page.keyboard.press("Tab");
    await panel.getByRole("button", { name: "Decide again" }).click();
    await panel.getByTestId("replayed").getByText("Another one would serve").waitFor();
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => url.pathname === "/decisions");
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel("Strategy").selectOption("weighted");
    await page.getByText("No decision fits").waitFor();
  },

  async constraints(page) {
    await account(page);
    await page.goto(`${base}/routing/constraints`);
    await page.getByLabel("Latency at most, in ms").fill("60000");
    await page.getByRole("button", { name: "Try it on the last calls" }).click();
    await page.getByTestId("preview").getByText(/of 12 would be served/).waitFor();
    await page.getByLabel("Requests a minute, of each key").fill("600");
    await page.getByRole("button", { name: "Put in force" }).click();
    await page.getByText("In force at every proxy").waitFor();
    const answer = await page.request.get(`${base}/v1/constraints`);
    const { routing, max_requests_per_minute } = await answer.json();
    assert.deepEqual([routing.max_latency_ms, max_requests_per_minute], [60_000, 600]);
    await page.goto(`${base}/audit`);
    await page.getByText("constraints/routing").first().waitFor();
    await page.getByText("user:user_").first().waitFor();
  },

  ...IMPROVING,
  ...RUNNING,
  ...MANY,
  pages_light: (page) => everyPage(page, "light"),
  pages_dark: (page) => everyPage(page, "dark"),
};

async function everyPage(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await account(page);
  for (const path of PAGES) {
    await page.setViewportSize(DESKTOP);
    await page.goto(base + path);
    await settled(page);
    await accessible(page, path);
    await page.setViewportSize(PHONE);
    await settled(page);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${path} is ${over} pixels wider than a phone`);
  }
  await accessible(page, "the last page on a phone");
}

const profile = mkdtempSync(join(tmpdir(), "floopy-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: CHROMIUM, headless: true, args: FLAGS, viewport: DESKTOP,
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  const broken = [];
  page.on("pageerror", (error) => broken.push(error.message));
  page.on("console", (message) => {
    // What was refused on purpose is told by the browser as well.
    if (message.type() === "error" && !message.text().includes("Failed to load resource")) broken.push(message.text());
  });
  await CHECKS[check](page);
  assert.deepEqual(broken, [], "the pages complained");
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
