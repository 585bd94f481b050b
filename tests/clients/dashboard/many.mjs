// Checks that pages stay fluid however much there is: more decisions than anybody scrolls through.
import assert from "node:assert/strict";
import { account, base, told } from "./steps.mjs";

/** Pages of rows that are scrolled through. */
const PAGES = 20;
const PAGE = 50;
/** A frame that takes longer is seen to stutter. Told, and no reason to fail: that is the machine's other work too. */
const STUTTER_MS = 100;
/** How many times as long as the first pages and their frames the last ones may take. */
const SLOWER = 4;
/** Rows that the browser holds at a time. */
const DRAWN = 80;

const median = (values) => quantile(values, 0.5);
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

/** Scrolls to the end of what is there, frame by frame; how long each frame took. */
async function scroll(page, label) {
  return page.evaluate((name) => new Promise((done) => {
    const list = document.querySelector(`[role=table][aria-label="${name}"]`);
    const frames = [];
    let before = performance.now();
    const step = (now) => {
      frames.push(now - before);
      before = now;
      list.scrollTop += 120;
      if (list.scrollTop + list.clientHeight < list.scrollHeight - 1) requestAnimationFrame(step);
      else done(frames.slice(1));
    };
    requestAnimationFrame(step);
  }), label);
}

async function through(page, path, label, answered) {
  const took = [];
  const asked = new Map();
  const isPage = (request) => new URL(request.url()).pathname === answered;
  const begins = (request) => isPage(request) && asked.set(request, performance.now());
  const ends = (request) => isPage(request) && took.push(performance.now() - asked.get(request));
  page.on("request", begins);
  page.on("requestfinished", ends);
  const begun = performance.now();
  await page.goto(base + path);
  const rows = page.locator(`[role=table][aria-label="${label}"] .vrow`);
  await rows.first().waitFor();
  const first = performance.now() - begun;
  const frames = [];
  for (let shown = 0; shown < PAGES * PAGE;) {
    frames.push(...await scroll(page, label));
    shown = Number((await page.locator("p[aria-live]").first().textContent()).replace(/[^0-9]/g, ""));
    assert.ok((await rows.count()) <= DRAWN, "rows that nobody sees are drawn");
  }
  page.off("request", begins);
  page.off("requestfinished", ends);
  const slow = frames.filter((ms) => ms > STUTTER_MS).length;
  const figures = {
    first_rows_ms: Math.round(first), pages: took.length, page_p50_ms: Math.round(median(took)), page_p95_ms: Math.round(quantile(took, 0.95)),
    frames: frames.length, frame_p50_ms: Number(median(frames).toFixed(1)), frame_p99_ms: Number(quantile(frames, 0.99).toFixed(1)), slow_frames: slow,
  };
  console.log(`${path} ${JSON.stringify(figures)}`);
  assert.ok(took.length >= PAGES, `${path}: ${took.length} pages came`);
  for (const [what, values] of [["pages", took], ["frames", frames]]) {
    const half = Math.floor(values.length / 2);
    const [early, late] = [median(values.slice(0, half)), median(values.slice(half))];
    assert.ok(late < early * SLOWER, `${path}: ${what} take ${early} ms at first and ${late} ms at last: ${JSON.stringify(figures)}`);
  }
}

/** Bytes that a page asks for in its first seconds. */
async function overview(page) {
  let bytes = 0;
  const count = async (response) => {
    if (!new URL(response.url()).pathname.startsWith("/v1/decisions")) return;
    bytes += (await response.body().catch(() => Buffer.alloc(0))).length;
  };
  page.on("response", count);
  const begun = performance.now();
  await page.goto(base);
  await page.getByText("Who serves").waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'));
  const took = Math.round(performance.now() - begun);
  page.off("response", count);
  console.log(`/ ${JSON.stringify({ ready_ms: took, bytes_of_decisions: bytes })}`);
  assert.ok(bytes > 0 && bytes < 100_000, `the overview asks for ${bytes} bytes of decisions`);
}

export const MANY = {
  async many(page) {
    await account(page);
    await overview(page);
    await through(page, "/decisions", "Decisions", "/v1/decisions/summaries");
    await through(page, "/sessions", "Sessions", "/v1/sessions");
    const [newest] = (await told(page, "/v1/decisions/summaries?limit=1")).items;
    await page.goto(`${base}/decisions/${newest.request_id}`);
    await page.getByRole("dialog").getByTestId("explanation").waitFor();
  },
};
