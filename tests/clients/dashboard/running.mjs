// Checks of what keeps a tenant running: budgets, the pool, accounts, the fleet.
import assert from "node:assert/strict";
import { accessible, account, base, fits, more, PASSWORD, settled, signIn, signOut, told, until } from "./steps.mjs";

const BETTER = "a better one, at last";

async function budgets(page) {
  await account(page);
  await page.goto(`${base}/usage/budgets`);
  await page.getByText("No budget").waitFor();
  await page.getByLabel("Name").fill("agents");
  await page.getByRole("button", { name: "Put in force" }).click();
  await page.getByRole("alert").filter({ hasText: "agents" }).first().waitFor();
  await page.getByLabel("For").selectOption("session");
  await page.getByLabel("Calls at most").fill("200");
  await page.getByRole("button", { name: "Put in force" }).click();
  await page.getByRole("region", { name: "Budget agents" }).getByText("200 calls by session").waitFor();
  const [made] = (await told(page, "/v1/constraints")).budgets;
  assert.deepEqual([made.by, made.period, made.max_calls], ["session", "session", 200]);
  await page.getByLabel("Budget to change").selectOption("agents");
  await page.getByLabel("Calls at most").fill("300");
  await page.getByRole("button", { name: "Put the change in force" }).click();
  await page.getByText("300 calls by session").waitFor();
  await accessible(page, "a budget");
  await fits(page, "a budget");
  await page.getByRole("button", { name: "Remove agents" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove agents" }).click();
  await page.getByText("No budget").waitFor();
  assert.deepEqual((await told(page, "/v1/constraints")).budgets, []);
}

async function months(page) {
  await account(page);
  await page.goto(`${base}/usage`);
  await page.getByText("Quotas").waitFor();
  const { total } = await told(page, "/v1/usage");
  await page.getByText(String(total.requests), { exact: true }).first().waitFor();
  const months = page.getByLabel("Month");
  assert.equal(await months.locator("option").count(), 13);
  await months.selectOption({ index: 1 });
  await page.getByText("Nothing was used", { exact: true }).waitFor();
  await accessible(page, "a month without calls");
  await page.reload();
  await page.getByText("Nothing was used", { exact: true }).waitFor();
}

async function pool(page) {
  await account(page);
  await page.getByRole("link", { name: "Shared pool" }).click();
  await page.getByText(/Nothing left you yet|Nothing of yours/).waitFor();
  await page.getByRole("button", { name: "Leave the pool" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave the pool" }).click();
  await page.getByText("Not a member").waitFor();
  await until(page, "/v1/pool", (proof) => !proof.member);
  await page.getByRole("button", { name: "Join the pool" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Join the pool" }).click();
  await until(page, "/v1/pool", (proof) => proof.member);
}

async function own_password(page) {
  await account(page);
  await page.getByRole("button", { name: "@example.com" }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  const change = async (current, next) => {
    await page.locator("input[name=current]").fill(current);
    await page.locator("input[name=password]").fill(next);
    await page.getByRole("button", { name: "Change the password" }).click();
  };
  await change("not this one at all", BETTER);
  await page.getByRole("alert").filter({ hasText: "current_password is not the password" }).first().waitFor();
  await change(PASSWORD, BETTER);
  await page.getByText("Your password is changed.").waitFor();
  await accessible(page, "one's account");
  await signOut(page);
  await signIn(page, PASSWORD);
  await page.getByRole("alert").filter({ hasText: "do not belong together" }).waitFor();
  await signIn(page, BETTER);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

async function vouched_for(page) {
  await page.goto(base);
  await page.getByRole("link", { name: "Sign in with 127.0.0.1" }).waitFor();
  await accessible(page, "signing in with somebody's word");
  await page.getByRole("link", { name: "Sign in with 127.0.0.1" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("button", { name: "ana@example.com" }).waitFor();
  await page.goto(`${base}/?refused=unknown`);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await signOut(page);
  await page.goto(`${base}/dashboard/oidc/callback?code=1&state=2`);
  await page.getByRole("alert").filter({ hasText: "begun in another window" }).waitFor();
}

async function fleet(page) {
  const [, operator] = more;
  await account(page);
  await page.goto(`${base}/fleet`);
  await page.getByLabel("Operator's key").fill("fl_wrong");
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByRole("button", { name: "Forget the key" }).click();
  await page.getByLabel("Operator's key").fill(operator);
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("table", { name: "Proxies" }).getByText("connected").waitFor();
  await page.getByRole("table", { name: "Tenants" }).getByText("globex").waitFor();
  await settled(page);
  await accessible(page, "the fleet");
  await fits(page, "the fleet");
}

export const RUNNING = { budgets, months, pool, own_password, vouched_for, fleet };
