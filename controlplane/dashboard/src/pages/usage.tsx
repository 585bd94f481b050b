// What calls used, what is left, what was saved.
import { NativeSelect, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { count, percent, signed, usd, words } from "../lib/format";
import { Budgets } from "../ui/budgets";
import { Daily } from "../ui/charts";
import { useNow } from "../ui/hooks";
import { Card, Empty, Facts, Loaded, Page, Plain, Stat, Status } from "../ui/parts";

const GROUPS = ["model", "day", "project", "environment"] as const;
type Group = (typeof GROUPS)[number];
const LIVE = 10_000;
/** Months back that can be chosen; sums are kept for longer than decisions are. */
const MONTHS = 13;

interface Month {
  /** As in `2026-11`. */
  name: string;
  from: string;
  to: string;
  label: string;
}

/** This month and those before it, in UTC as the sums are. */
function months(now: number): Month[] {
  const today = new Date(now);
  return Array.from({ length: MONTHS }, (_, back) => {
    const first = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - back, 1));
    const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0));
    const from = first.toISOString().slice(0, 10);
    return {
      name: from.slice(0, 7), from, to: (back === 0 ? today : last).toISOString().slice(0, 10),
      label: first.toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }),
    };
  });
}

const usage = (group_by: Group, { name, from, to }: Month, isNow: boolean) => ({
  queryKey: ["usage", group_by, name],
  queryFn: () => told(api.GET("/v1/usage", { params: { query: { group_by: [group_by], from, to } } })),
  refetchInterval: isNow ? LIVE : (false as const),
});

export default function Usage() {
  const { tab = "usage" } = useParams();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const now = useNow(60_000);
  const all = months(now);
  const month = all.find((one) => one.name === params.get("month")) ?? all[0];
  if (!month) return null;
  const picker = (
    <NativeSelect label="Month" value={month.name} data={all.map(({ name, label }) => ({ value: name, label }))}
      onChange={(event) => setParams(event.currentTarget.value === all[0]?.name ? {} : { month: event.currentTarget.value })} />
  );
  return (
    <Page title="Usage and budgets" about="Exact to the micro-dollar. Times are UTC." actions={tab === "usage" && picker}>
      <Tabs value={tab} onChange={(next) => void navigate(next === "usage" ? "/usage" : `/usage/${next}`)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="usage">Usage</Tabs.Tab>
          <Tabs.Tab value="budgets">Budgets</Tabs.Tab>
          <Tabs.Tab value="savings">Savings</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="usage"><Used month={month} isNow={month === all[0]} /></Tabs.Panel>
        <Tabs.Panel value="budgets"><Spent month={all[0] ?? month} /></Tabs.Panel>
        <Tabs.Panel value="savings"><Savings /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Used({ month, isNow }: { month: Month; isNow: boolean }) {
  const days = useQuery(usage("day", month, isNow));
  return (
    <Loaded of={days} lines={8}>
      {(data) => (
        <div className="grid">
          <Stat label="Requests" value={count(data.total.requests)} note={`${count(data.total.errors)} failed`} />
          <Stat label="Cost" value={usd(data.total.cost_micro_usd)} note={data.total.unpriced_requests > 0 ? `${count(data.total.unpriced_requests)} without a known price` : "of replies that were served"} />
          <Stat label="Shadow" value={usd(data.total.shadow_cost_micro_usd)} note={`${count(data.total.shadow_requests)} copies, unseen`} />
          <Stat label="Tokens" value={count(data.total.input_tokens + data.total.output_tokens)} note={`${count(data.total.output_tokens)} of them out`} />
          <Card span={isNow ? 7 : undefined} title="Cost by day" about={month.label}><Daily of={data.groups} /></Card>
          {isNow && (
            <Card span={5} title="Quotas" about={data.plan ? `Plan ${data.plan.name}` : "No plan limits anything"}>
              <Facts of={Object.entries(data.quotas).map(([name, quota]) => {
                const show = name === "cost_micro_usd" ? usd : count;
                const used = show(quota.used);
                return [name === "cost_micro_usd" ? "Cost" : words(name).replace(/^./, (first) => first.toUpperCase()),
                  quota.limit === null ? used : `${used} of ${show(quota.limit)}, ${percent(quota.used / quota.limit)}`];
              })} />
            </Card>
          )}
          <Groups month={month} isNow={isNow} />
        </div>
      )}
    </Loaded>
  );
}

/** What keys, users and sessions spent is kept for those that a budget counts. */
function Spent({ month }: { month: Month }) {
  const found = useQuery(usage("model", month, true));
  return <div className="stack"><Loaded of={found} lines={6}>{(data) => <Budgets of={data.budgets} />}</Loaded></div>;
}

function Groups({ month, isNow }: { month: Month; isNow: boolean }) {
  const [group, setGroup] = useState<Group>("model");
  const found = useQuery(usage(group, month, isNow));
  const picker = (
    <NativeSelect aria-label="Grouped by" value={group} onChange={(event) => setGroup(event.currentTarget.value as Group)}
      data={GROUPS.map((value) => ({ value, label: `By ${words(value)}` }))} />
  );
  return (
    <Card title="Where it went" actions={picker}>
      <Loaded of={found}>
        {(data) => (data.groups.length === 0 ? <Empty title="Nothing was used">Calls of {month.label} would be summed up here.</Empty> : (
          <Plain label="Usage" head={[words(group).replace(/^./, (first) => first.toUpperCase()), { name: "Requests", right: true }, { name: "Failed", right: true }, { name: "Tokens in", right: true },
            { name: "Tokens out", right: true }, { name: "Cost", right: true }, { name: "Shadow", right: true }]}
            rows={data.groups.toSorted((a, b) => b.cost_micro_usd - a.cost_micro_usd).map((one) => {
              const name = nameOf(one, group);
              return {
                key: name,
                cells: [<span key="n" className="wrap">{name}</span>, count(one.requests), count(one.errors), count(one.input_tokens),
                  count(one.output_tokens), usd(one.cost_micro_usd), usd(one.shadow_cost_micro_usd)],
              };
            })} />
        ))}
      </Loaded>
    </Card>
  );
}

/** What a group is of: the one key that is no sum. */
function nameOf(one: Schemas["UsageGroup"], group: Group): string {
  const held = one as Record<string, unknown>;
  const value = held[group] ?? held[`${group}_id`];
  return typeof value === "string" && value ? value : "none";
}

function Savings() {
  const [window, setWindow] = useState<"24h" | "7d" | "30d">("7d");
  const savings = useQuery({
    queryKey: ["savings", window],
    queryFn: () => told(api.GET("/v1/optimization/savings", { params: { query: { window } } })),
  });
  const picker = (
    <NativeSelect aria-label="Window" value={window} onChange={(event) => setWindow(event.currentTarget.value as typeof window)}
      data={[{ value: "24h", label: "24 hours" }, { value: "7d", label: "7 days" }, { value: "30d", label: "30 days" }]} />
  );
  return (
    <Card title="Saved by rule" about="Against the default model's own replies to the same kinds of task" actions={picker}>
      <Loaded of={savings}>
        {(data) => (data.routes.length === 0
          ? <Empty title="Nothing to compare yet">Savings are measured where calls follow a routing rule and a default model is set.</Empty>
          : (
            <Plain label="Savings" head={["Rule", "Status", { name: "Paid", right: true }, { name: "Saved, net", right: true }]}
              rows={data.routes.map((one) => ({
                key: one.route_id, cells: [one.name, <Status key="s" of={one.status} />, usd(one.actual_cost_micro_usd), signed(one.net_savings_micro_usd, usd)],
              }))} />
          ))}
      </Loaded>
    </Card>
  );
}
