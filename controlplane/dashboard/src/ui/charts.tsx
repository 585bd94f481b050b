// Charts over time. Each says in words what it shows.
import { Area, AreaChart, Bar, BarChart, CartesianGrid, Line, LineChart, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import type { Schemas } from "../api/client";
import { mean, usd } from "../lib/format";

const HEIGHT = 190;
const GRID = { stroke: "var(--line)", vertical: false };
const AXIS = { tickLine: false, axisLine: false, tick: { fill: "var(--ink-soft)", fontSize: 12 } };
const BUBBLE = {
  contentStyle: { background: "var(--card)", border: "1px solid var(--line)", borderRadius: 8, color: "var(--ink)" },
  itemStyle: { color: "var(--ink)" },
  cursor: { stroke: "var(--line-strong)", fill: "var(--hover)" },
};

/** How many decisions a point is the mean of. */
const WINDOW = 20;

/** The mean of the last ones at each decision, from the oldest to the newest. */
export function Rolling({ of, value, format, name, fit = false }: {
  of: Schemas["DecisionSummary"][]; value: (one: Schemas["DecisionSummary"]) => number | null | undefined;
  format: (value: number) => string; name: string; fit?: boolean;
}) {
  const found = of.toReversed().flatMap((one) => {
    const held = value(one);
    return held === null || held === undefined ? [] : [{ at: one.request_created_at, held }];
  });
  const points = found.map((one, at) => ({
    at: Date.parse(one.at),
    order: at,
    mean: mean(found.slice(Math.max(0, at - WINDOW + 1), at + 1).map((near) => near.held)) ?? 0,
  })).slice(Math.min(WINDOW - 1, Math.max(0, found.length - 2)));
  if (points.length < 2) return <p className="soft">Not enough yet to draw.</p>;
  const time = (order: number) => new Date(points.find((one) => one.order === order)?.at ?? 0).toLocaleTimeString("en-GB");
  const last = points.at(-1)?.mean ?? 0;
  return (
    <div role="img" aria-label={`${name}: ${format(points[0]?.mean ?? 0)} at first, ${format(last)} now`}>
      <ResponsiveContainer width="100%" height={HEIGHT}>
        <AreaChart data={points} margin={{ top: 6, right: 4, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid {...GRID} />
          <XAxis dataKey="order" {...AXIS} tickFormatter={time} minTickGap={60} />
          <YAxis {...AXIS} width={58} domain={fit ? ["auto", "auto"] : [0, "auto"]} tickFormatter={format} tickCount={4} />
          <Tooltip {...BUBBLE} labelFormatter={(order) => time(Number(order))} formatter={(held) => [format(Number(held)), name]} />
          <Area dataKey="mean" stroke="var(--c1)" fill="var(--c1)" fillOpacity={0.1} strokeWidth={2} isAnimationActive={false} />
        </AreaChart>
      </ResponsiveContainer>
    </div>
  );
}

/** What each day cost. */
export function Daily({ of }: { of: { day?: string | null; cost_micro_usd: number; requests: number }[] }) {
  const days = of.filter((one) => one.day).toSorted((a, b) => String(a.day).localeCompare(String(b.day)));
  if (days.length === 0) return <p className="soft">Nothing was used this month.</p>;
  const label = days.map((one) => `${one.day}: ${usd(one.cost_micro_usd)}`).join(", ");
  return (
    <div role="img" aria-label={`Cost by day. ${label}`}>
      <ResponsiveContainer width="100%" height={HEIGHT}>
        <BarChart data={days} margin={{ top: 6, right: 4, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid {...GRID} />
          <XAxis dataKey="day" {...AXIS} tickFormatter={(day: string) => day.slice(5)} />
          <YAxis {...AXIS} width={64} tickFormatter={usd} tickCount={4} />
          <Tooltip {...BUBBLE} formatter={(held) => [usd(Number(held)), "Cost"]} />
          <Bar dataKey="cost_micro_usd" fill="var(--bar)" radius={[4, 4, 0, 0]} maxBarSize={40} isAnimationActive={false} />
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}

/** The capital of a sequential test, step by step, against what it must reach. */
export function Capital({ of, bound, name }: { of: { at: string; capital: number }[]; bound: number; name: string }) {
  const points = of.map((one) => ({ at: Date.parse(one.at), capital: Math.max(one.capital, 1e-3) }));
  const time = (at: number) => new Date(at).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "short" });
  const last = points.at(-1)?.capital ?? 1;
  const most = Math.max(bound, ...points.map((one) => one.capital)) * 2;
  return (
    <div role="img" aria-label={`${name}: capital ${last.toPrecision(3)} of ${bound}`}>
      <ResponsiveContainer width="100%" height={HEIGHT}>
        <LineChart data={points} margin={{ top: 10, right: 14, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid {...GRID} />
          <XAxis dataKey="at" type="number" domain={["dataMin", "dataMax"]} {...AXIS} tickFormatter={time} minTickGap={70} />
          <YAxis {...AXIS} width={52} scale="log" domain={["auto", most]} allowDataOverflow
            tickFormatter={(held: number) => String(Number(held.toPrecision(2)))} />
          <Tooltip {...BUBBLE} labelFormatter={(at) => time(Number(at))} formatter={(held) => [Number(held).toPrecision(3), "Capital"]} />
          <ReferenceLine y={bound} stroke="var(--c2)" strokeDasharray="5 4"
            label={{ value: `goes on at ${bound}`, fill: "var(--c2)", fontSize: 12, position: "insideTopLeft" }} />
          <Line dataKey="capital" stroke="var(--c1)" strokeWidth={2} isAnimationActive={false} />
        </LineChart>
      </ResponsiveContainer>
    </div>
  );
}
