// What calls used, what is left, what was saved.
import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { count, moment, percent, signed, usd, words } from "../lib/format";
import { Daily } from "../ui/charts";
import { Card, Empty, Facts, Loaded, Page, Plain, Stat, Status } from "../ui/parts";

const GROUPS = ["model", "day", "project", "environment"] as const;
type Group = (typeof GROUPS)[number];
const LIVE = 10_000;

const usage = (group_by: Group) => ({
  queryKey: ["usage", group_by],
  queryFn: () => told(api.GET("/v1/usage", { params: { query: { group_by: [group_by] } } })),
  refetchInterval: LIVE,
});

export default function Usage() {
  const days = useQuery(usage("day"));
  return (
    <Page title="Usage and budgets" about="This month, exact to the micro-dollar. Times are UTC.">
      <Loaded of={days} lines={8}>
        {(data) => (
          <div className="grid">
            <Stat label="Requests" value={count(data.total.requests)} note={`${count(data.total.errors)} failed`} />
            <Stat label="Cost" value={usd(data.total.cost_micro_usd)} note={data.total.unpriced_requests > 0 ? `${count(data.total.unpriced_requests)} without a known price` : "of replies that were served"} />
            <Stat label="Shadow" value={usd(data.total.shadow_cost_micro_usd)} note={`${count(data.total.shadow_requests)} copies, unseen`} />
            <Stat label="Tokens" value={count(data.total.input_tokens + data.total.output_tokens)} note={`${count(data.total.output_tokens)} of them out`} />
            <Card span={7} title="Cost by day"><Daily of={data.groups} /></Card>
            <Card span={5} title="Quotas" about={data.plan ? `Plan ${data.plan.name}` : "No plan limits anything"}>
              <Facts of={Object.entries(data.quotas).map(([name, quota]) => {
                const show = name === "cost_micro_usd" ? usd : count;
                const used = show(quota.used);
                return [name === "cost_micro_usd" ? "Cost" : words(name).replace(/^./, (first) => first.toUpperCase()),
                  quota.limit === null ? used : `${used} of ${show(quota.limit)}, ${percent(quota.used / quota.limit)}`];
              })} />
            </Card>
            <Groups />
            <Budgets of={data.budgets} />
            <Savings />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Groups() {
  const [group, setGroup] = useState<Group>("model");
  const found = useQuery(usage(group));
  const picker = (
    <NativeSelect aria-label="Grouped by" value={group} onChange={(event) => setGroup(event.currentTarget.value as Group)}
      data={GROUPS.map((value) => ({ value, label: `By ${words(value)}` }))} />
  );
  return (
    <Card title="Where it went" actions={picker}>
      <Loaded of={found}>
        {(data) => (
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
        )}
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

function Budgets({ of }: { of: Schemas["BudgetUse"][] }) {
  return (
    <Card span={6} title="Budgets">
      {of.length === 0
        ? <Empty title="No budget">A budget says what projects, keys, users or sessions may spend, and ends an agent that runs away. Set one under <code>budgets</code> of <code>PUT /v1/constraints</code>.</Empty>
        : of.map((budget) => (
          <div key={budget.name} style={{ marginBottom: 14 }}>
            <strong>{budget.name}</strong> <span className="soft">by {budget.by}, {budget.period}{budget.resets_at ? `, until ${moment(budget.resets_at)}` : ""}</span>
            <Plain label={budget.name} head={["Whose", { name: "Cost", right: true }, { name: "Calls", right: true }, { name: "Used", right: true }]}
              rows={budget.accounts.map((one) => ({
                key: one.subject ?? "all",
                cells: [one.subject ?? "everybody", usd(one.cost_micro_usd), count(one.calls), percent(one.used)],
              }))} />
          </div>
        ))}
    </Card>
  );
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
    <Card span={6} title="Saved by rule" about="Against the default model's own replies to the same kinds of task" actions={picker}>
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
