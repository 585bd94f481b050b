import { describe, expect, test } from "vitest";
import { ago, count, duration, mean, percent, quality, quantile, signed, usd, words } from "./format";

describe("money", () => {
  test.each([
    [0, "$0"], [null, "–"], [2050, "$0.00205"], [63, "$0.000063"], [1_000_000, "$1.00"], [12_300_000, "$12.30"],
    [500_000, "$0.50"], [100_000, "$0.10"], [1_234_567_890, "$1,235"], [-2_500_000, "−$2.50"], [1, "$0.000001"],
  ])("%s micro-USD is %s", (micro, text) => expect(usd(micro)).toBe(text));
});

test("durations change their unit", () => {
  expect([35, 999, 1_240, 12_400, 120_000, undefined].map(duration))
    .toEqual(["35 ms", "999 ms", "1.24 s", "12.4 s", "2 min", "–"]);
});

test("what is not known is a dash and no zero", () => {
  expect([count(null), quality(undefined), percent(null), signed(null, String), ago(null, 0), words(null)])
    .toEqual(["–", "–", "–", "–", "–", "–"]);
});

test("differences say their sign", () => {
  const points = (value: number) => value.toFixed(1);
  expect([signed(1.25, points), signed(-1.25, points), signed(0, points)]).toEqual(["+1.3", "−1.3", "0.0"]);
});

test("times are told as they pass", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  const told = ["2026-11-23T11:59:58Z", "2026-11-23T11:59:30Z", "2026-11-23T11:10:00Z", "2026-11-23T02:00:00Z",
    "2026-11-20T12:00:00Z", "nonsense"].map((at) => ago(at, now));
  expect(told).toEqual(["just now", "30 s ago", "50 min ago", "10 h ago", "3 d ago", "–"]);
});

test("counts are short above a million", () => {
  expect([2_261, 1_500_000].map(count)).toEqual(["2,261", "1.5M"]);
});

test("quantiles and means of nothing are nothing", () => {
  expect([quantile([], 0.5), mean([]), quantile([3, 1, 2], 0.5), quantile([1, 2, 3, 4], 0.95), mean([1, 2])])
    .toEqual([null, null, 2, 4, 1.5]);
});
