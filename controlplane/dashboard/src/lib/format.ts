// Numbers and times as people read them. What is not known is a dash, never a zero.

const NONE = "–";
const LOCALE = "en-US";

const plain = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** Whole numbers, short above a million. */
export function count(value: Maybe): string {
  if (!known(value)) return NONE;
  return Math.abs(value) >= 1_000_000 ? compact.format(value) : plain.format(value);
}

/** Micro-USD in dollars, with as many digits as say something. */
export function usd(micro: Maybe): string {
  if (!known(micro)) return NONE;
  const dollars = micro / 1_000_000;
  const size = Math.abs(dollars);
  if (size === 0) return "$0";
  const sign = dollars < 0 ? "−" : "";
  if (size >= 1_000) return `${sign}$${plain.format(size)}`;
  if (size >= 1) return `${sign}$${size.toFixed(2)}`;
  const digits = Math.min(6, Math.max(2, 2 - Math.floor(Math.log10(size))));
  return `${sign}$${size.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** Milliseconds, in seconds from one on. */
export function duration(ms: Maybe): string {
  if (!known(ms)) return NONE;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** A quality on 0 to 1. */
export function quality(value: Maybe): string {
  return known(value) ? value.toFixed(3).replace("-", "−") : NONE;
}

/** A share of 1 in percent. */
export function percent(share: Maybe, digits = 0): string {
  return known(share) ? `${(share * 100).toFixed(digits).replace("-", "−")} %` : NONE;
}

/** A difference, always with its sign. */
export function signed(value: Maybe, format: (value: number) => string): string {
  if (!known(value)) return NONE;
  const text = format(Math.abs(value));
  return value > 0 ? `+${text}` : value < 0 ? `−${text}` : text;
}

/** How long ago something was. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return NONE;
  const seconds = Math.round((now - Date.parse(at)) / 1_000);
  if (Number.isNaN(seconds)) return NONE;
  if (seconds < 5) return "just now";
  const steps: [number, string][] = [[60, "s"], [3_600, "min"], [86_400, "h"], [Infinity, "d"]];
  const sizes = [1, 60, 3_600, 86_400];
  const at_ = steps.findIndex(([below]) => seconds < below);
  return `${Math.floor(seconds / (sizes[at_] ?? 1))} ${steps[at_]?.[1] ?? ""} ago`;
}

/** A moment on this machine's clock. */
export function moment(at: string | null | undefined): string {
  if (!at) return NONE;
  const date = new Date(at);
  return Number.isNaN(date.getTime())
    ? NONE
    : date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** A word of the API for people: `feedback_driven` is "feedback driven". */
export function words(name: string | null | undefined): string {
  return name ? name.replaceAll("_", " ") : NONE;
}

/** A value that so many of all are not above; `null` of nothing. */
export function quantile(values: number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}

/** The mean; `null` of nothing. */
export function mean(values: number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
