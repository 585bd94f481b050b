// What is believed of a quality: its mean in its interval, on one scale for all that stand together.
import { quality } from "../lib/format";

interface Believed {
  mean: number;
  lower: number;
  upper: number;
}

export interface Scale {
  from: number;
  to: number;
}

/** A scale that holds all of them, with some room. */
export function scaleOf(all: Believed[]): Scale {
  if (all.length === 0) return { from: 0, to: 1 };
  const from = Math.min(...all.map((one) => one.lower));
  const to = Math.max(...all.map((one) => one.upper));
  const room = Math.max(0.02, (to - from) * 0.08);
  return { from: from - room, to: to + room };
}

export function Interval({ of, scale, strong = false, zero = false }: {
  of: Believed; scale: Scale; strong?: boolean; zero?: boolean;
}) {
  const at = (value: number) => (100 * (value - scale.from)) / (scale.to - scale.from || 1);
  const colour = strong ? "var(--accent)" : "var(--line-strong)";
  const label = `${quality(of.mean)}, between ${quality(of.lower)} and ${quality(of.upper)}`;
  return (
    <svg width="100%" height="20" role="img" aria-label={label} style={{ display: "block", minWidth: 110 }}>
      <title>{label}</title>
      <line x1="0" x2="100%" y1="10" y2="10" stroke="var(--line)" />
      {zero && <line x1={`${at(0)}%`} x2={`${at(0)}%`} y1="1" y2="19" stroke="var(--ink-soft)" strokeDasharray="3 3" />}
      <line x1={`${at(of.lower)}%`} x2={`${at(of.upper)}%`} y1="10" y2="10" stroke={colour} strokeWidth="4"
        strokeLinecap="round" opacity="0.55" />
      <circle cx={`${at(of.mean)}%`} cy="10" r="5" fill={colour} />
    </svg>
  );
}
