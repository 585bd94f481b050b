// Checks of what makes routing better: evaluations, experiments, the playground, sessions.
import assert from "node:assert/strict";
import { accessible, account, base, fits, key, settled, told, until } from "./steps.mjs";

const ROWS = ["What is a canary release?", '{"id": "sum", "input": "2 + 2?", "expected": "4"}', "And how is it taken back?"];

async function evaluations(page) {
  await account(page);
  await page.goto(`${base}/evaluations`);
  await page.getByText("No data set with rows").waitFor();
  await page.getByRole("tab", { name: "Data sets" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Support questions");
  const rows = page.getByRole("textbox", { name: "Rows" });
  await rows.fill("{ no JSON");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("alert").filter({ hasText: "Line 1 begins with { and is no JSON" }).first().waitFor();
  await rows.fill('{"colour": "red"}');
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("alert").filter({ hasText: "colour" }).first().waitFor();
  await rows.fill(ROWS.join("\n"));
  await page.getByRole("button", { name: "Make it" }).click();
  const panel = page.getByRole("dialog");
  await panel.getByText("2 + 2?", { exact: true }).waitFor();
  await panel.getByRole("textbox", { name: "Add rows" }).fill("2 + 2?\nWhat is a shadow?");
  await panel.getByRole("button", { name: "Add", exact: true }).click();
  await panel.getByText("What is a shadow?").waitFor();
  await accessible(page, "a data set");
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Runs" }).click();
  await page.getByRole("button", { name: "Begin" }).click();
  await panel.getByText(/5 of 5 asked/).waitFor();
  const [run] = (await told(page, "/v1/evaluations")).items;
  await until(page, `/v1/evaluations/${run.id}`, (one) => one.status === "completed" && one.counts.scored === 5);
  await panel.getByText("5 scored").waitFor();
  await panel.getByText("completed").waitFor();
  const { scores } = await told(page, `/v1/evaluations/${run.id}`);
  await panel.getByText(scores.composite.toFixed(3)).first().waitFor();
  await panel.getByRole("table", { name: "Results" }).getByRole("button", { name: "sum" }).click();
  await panel.getByRole("button", { name: "Why this model?" }).click();
  await panel.getByTestId("explanation").waitFor();
  await accessible(page, "an evaluation");
  await fits(page, "an evaluation");
}

async function playground(page) {
  await account(page);
  await page.goto(`${base}/playground`);
  const use = page.getByLabel("API key");
  await use.fill("fl_of_nobody");
  await page.getByRole("button", { name: "Use it" }).click();
  const message = page.getByRole("textbox", { name: "Your message" });
  await message.fill("What is a canary release?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("form").getByRole("alert").waitFor();
  await page.getByRole("button", { name: "Forget the key" }).click();
  await use.fill(key);
  await page.getByRole("button", { name: "Use it" }).click();
  await message.fill("What is a canary release?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".turn.assistant").waitFor();
  await page.getByTestId("explanation").waitFor();
  assert.ok((await page.getByRole("table", { name: "Candidates" }).getByRole("row").count()) > 2, "several candidates were weighed");
  await message.fill("And how is it taken back?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator(".turn.assistant").nth(1).waitFor();
  const why = page.getByRole("button", { name: "Why this one?" });
  await why.first().click();
  assert.equal(await why.first().getAttribute("aria-pressed"), "true");
  await page.getByRole("tab", { name: "Call" }).click();
  const id = await page.locator("dl.facts dd").first().textContent();
  const decision = await told(page, `/v1/decisions/${id}`);
  assert.equal(decision.evaluation, false);
  await accessible(page, "the playground");
  await fits(page, "the playground");
}

async function experiments(page) {
  await account(page);
  await page.goto(`${base}/experiments`);
  await page.getByText("No experiment yet").waitFor();
  await page.getByLabel("Name").fill("Which one answers better?");
  await page.getByRole("button", { name: "Begin" }).click();
  const panel = page.getByRole("dialog");
  await panel.getByRole("heading", { name: "Which one answers better?" }).waitFor();
  await panel.getByRole("table", { name: "Results" }).waitFor();
  await accessible(page, "an experiment");
  await fits(page, "an experiment");
  await panel.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("dialog", { name: "Roll back" }).getByRole("button", { name: "Roll back" }).click();
  await until(page, "/v1/experiments", (found) => (found.items ?? found)[0].status === "rolled_back");
  await panel.getByText("rolled back").first().waitFor();
}

async function sessions(page) {
  await account(page);
  await page.getByRole("link", { name: "Sessions" }).click();
  const table = page.getByRole("table", { name: "Sessions" });
  await table.getByRole("link", { name: "dash-11" }).waitFor();
  assert.equal(await table.getByRole("row").count(), 13, "twelve sessions below the heads");
  const last = await table.getByRole("row").nth(1).textContent();
  assert.match(last ?? "", /dash-11/, "the last active is the first");
  await page.getByLabel("User").fill("nobody");
  await page.getByText("No session fits").waitFor();
  await page.getByLabel("User").fill("");
  await table.getByRole("link", { name: "dash-3" }).click();
  await page.getByText("And how is it taken back?").waitFor();
  await settled(page);
  await page.getByText("3 of 10").waitFor();
}

async function promotions(page) {
  await account(page);
  await page.goto(`${base}/promotions`);
  await page.getByRole("table", { name: "Promotions" }).getByRole("button", { name: "beta" }).first().click();
  const panel = page.getByRole("dialog");
  await panel.getByRole("img", { name: /Test for the next step: capital/ }).waitFor();
  assert.ok((await panel.getByRole("table", { name: "Guards" }).getByRole("row").count()) > 1, "guards watch it");
  assert.ok((await panel.locator("ol.steps li").count()) > 1, "its steps are told");
  await accessible(page, "a promotion");
  await fits(page, "a promotion");
  await panel.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("dialog", { name: "Roll back" }).getByRole("button", { name: "Roll back" }).click();
  await until(page, "/v1/promotions", (found) => found.items.some((one) => one.stage === "rolled_back"));
  await panel.getByText("rolled back").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Pin", exact: true }).click();
  await page.getByRole("table", { name: "Pins" }).waitFor();
  await accessible(page, "promotions with a pin");
  await fits(page, "promotions with a pin");
}

export const IMPROVING = { promotions, evaluations, playground, experiments, sessions };
