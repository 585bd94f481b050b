// Budgets: what is used of each, and the list of them, edited as a whole.
import { Button, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, moment, percent, usd, words } from "../lib/format";
import { Card, Empty, Loaded, Plain, Trouble } from "./parts";
import { Sure } from "./sure";

type Budget = Schemas["Budget"];
type Input = Schemas["BudgetInput"];

/** Shared with the constraints page: both are one resource. */
const KEY = ["constraints", "budgets"];

interface InForce {
  etag: string | null;
  budgets: Budget[];
}

async function inForce(): Promise<InForce> {
  const asked = await api.GET("/v1/constraints");
  const { budgets } = await told(Promise.resolve(asked));
  return { etag: asked.response.headers.get("etag"), budgets };
}

const input = ({ name, by, only, period, max_usd, max_tokens, max_calls, max_seconds, warn_at }: Budget): Input =>
  ({ name, by, only, period, max_usd, max_tokens, max_calls, max_seconds, warn_at });

/** Puts another list in force, unless somebody else did in the meantime. */
function useBudgets() {
  const client = useQueryClient();
  const found = useQuery({ queryKey: KEY, queryFn: inForce, refetchOnWindowFocus: false });
  const put = useMutation({
    mutationFn: (budgets: Input[]) => told(api.PUT("/v1/constraints", {
      body: { budgets }, params: { header: { "If-Match": found.data?.etag ?? undefined } },
    })),
    onSuccess: async () => {
      notifications.show({ message: "In force at every proxy in about a second.", color: "green" });
      await Promise.all([client.invalidateQueries({ queryKey: ["constraints"] }), client.invalidateQueries({ queryKey: ["usage"] })]);
    },
  });
  return { found, put };
}

const BY: { value: Budget["by"]; label: string }[] = [
  { value: "tenant", label: "all together" }, { value: "project", label: "each project" }, { value: "key", label: "each API key" },
  { value: "user", label: "each end user" }, { value: "session", label: "each session" },
];
const PERIODS = [
  { value: "month", label: "a month" }, { value: "day", label: "a day" }, { value: "rolling_24h", label: "24 hours" },
  { value: "rolling_7d", label: "7 days" }, { value: "rolling_30d", label: "30 days" },
];

const limitsOf = (one: Schemas["BudgetUse"]) => [
  one.max_cost_micro_usd !== null && usd(one.max_cost_micro_usd), one.max_tokens !== null && `${count(one.max_tokens)} tokens`,
  one.max_calls !== null && `${count(one.max_calls)} calls`, one.max_seconds !== null && `${count(one.max_seconds)} s`,
].filter(Boolean).join(", ");

export function Budgets({ of }: { of: Schemas["BudgetUse"][] }) {
  const may = useMay("admin");
  const { found, put } = useBudgets();
  const kept = found.data?.budgets ?? [];
  const remove = (name: string) => put.mutate(kept.filter((one) => one.name !== name).map(input));
  return (
    <>
      <Card title="Budgets" about="What may be spent, and who spent most of it in the period that is going on">
        {of.length === 0
          ? <Empty title="No budget">A budget says what projects, keys, users or sessions may spend, and ends an agent that runs away.{may ? " Set the first one below." : " An administrator may set one."}</Empty>
          : of.map((budget) => (
            <section key={budget.name} style={{ marginBottom: 18 }} aria-label={`Budget ${budget.name}`}>
              <div className="row" style={{ justifyContent: "space-between" }}>
                <div>
                  <strong>{budget.name}</strong> <span className="soft">{limitsOf(budget)} by {budget.by}{budget.only ? ` (${budget.only})` : ""}{budget.by === "session" ? "" : `, ${words(budget.period)}`}{budget.resets_at ? `, until ${moment(budget.resets_at)}` : ""}</span>
                </div>
                {may && found.data && (
                  <Sure action={`Remove ${budget.name}`} danger size="compact-sm" busy={put.isPending} go={() => remove(budget.name)}>
                    Nothing holds anybody to it from about a second later. What was spent stays counted.
                  </Sure>
                )}
              </div>
              {budget.accounts.length === 0 ? <p className="soft small">Nothing was spent of it yet.</p> : (
                <Plain label={budget.name} head={["Whose", { name: "Cost", right: true }, { name: "Tokens", right: true }, { name: "Calls", right: true }, { name: "Used", right: true }]}
                  rows={budget.accounts.map((one) => ({
                    key: one.subject ?? "all",
                    cells: [<span key="s" className="wrap">{one.subject ?? "everybody"}</span>, usd(one.cost_micro_usd), count(one.tokens), count(one.calls), percent(one.used, 1)],
                  }))} />
              )}
            </section>
          ))}
        {put.error && <Trouble error={put.error} retry={() => { put.reset(); void found.refetch(); }} />}
      </Card>
      {may && <Loaded of={found} lines={2}>{() => <Set kept={kept} put={put} />}</Loaded>}
    </>
  );
}

const EMPTY = { name: "", by: "tenant" as Budget["by"], only: "", period: "month", max_usd: "" as number | string, max_tokens: "" as number | string, max_calls: "" as number | string, max_seconds: "" as number | string };
const number = (field: number | string) => (typeof field === "number" ? field : null);

function Set({ kept, put }: { kept: Budget[]; put: ReturnType<typeof useBudgets>["put"] }) {
  const [draft, setDraft] = useState(EMPTY);
  const before = kept.find((one) => one.name === draft.name.trim());
  const isSession = draft.by === "session";
  const set = (change: Partial<typeof EMPTY>) => setDraft({ ...draft, ...change });
  const save = () => {
    const budget: Input = {
      name: draft.name.trim(), by: draft.by, only: draft.only.trim() || null, period: isSession ? "session" : draft.period,
      max_usd: number(draft.max_usd), max_tokens: number(draft.max_tokens), max_calls: number(draft.max_calls),
      max_seconds: isSession ? number(draft.max_seconds) : null, warn_at: before?.warn_at ?? null,
    };
    const others = kept.filter((one) => one.name !== budget.name).map(input);
    put.mutate([...others, budget], { onSuccess: () => setDraft(EMPTY) });
  };
  const load = (name: string) => {
    const one = kept.find((budget) => budget.name === name);
    setDraft(one ? {
      name: one.name, by: one.by, only: one.only ?? "", period: one.period, max_usd: one.max_usd ?? "", max_tokens: one.max_tokens ?? "",
      max_calls: one.max_calls ?? "", max_seconds: one.max_seconds ?? "",
    } : EMPTY);
  };
  const periods = PERIODS.some((one) => one.value === draft.period) ? PERIODS : [...PERIODS, { value: draft.period, label: words(draft.period) }];
  return (
    <Card title={before ? `Change ${before.name}` : "Set a budget"} about="At least one limit. The first that is reached ends calls; they are refused with the budget's name."
      actions={kept.length > 0 && (
        <NativeSelect aria-label="Budget to change" value={before?.name ?? ""} onChange={(event) => load(event.currentTarget.value)}
          data={[{ value: "", label: "A new one" }, ...kept.map((one) => ({ value: one.name, label: one.name }))]} />
      )}>
      <form className="stack" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <div className="pair">
          <TextInput label="Name" required pattern="[a-zA-Z0-9_.\-]{1,64}" placeholder="agents" value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} />
          <NativeSelect label="For" data={BY} value={draft.by} onChange={(event) => set({ by: event.currentTarget.value as Budget["by"], only: "" })} />
          {["project", "key", "user"].includes(draft.by) && (
            <TextInput label={`Only this ${draft.by}`} placeholder="its id; empty: each has as much" value={draft.only} onChange={(event) => set({ only: event.currentTarget.value })} />
          )}
          {!isSession && <NativeSelect label="In" data={periods} value={draft.period} onChange={(event) => set({ period: event.currentTarget.value })} />}
          <NumberInput label="At most, in $" min={0} decimalScale={6} value={draft.max_usd} onChange={(value) => set({ max_usd: value })} />
          <NumberInput label="Tokens at most" min={1} value={draft.max_tokens} onChange={(value) => set({ max_tokens: value })} />
          <NumberInput label="Calls at most" min={1} value={draft.max_calls} onChange={(value) => set({ max_calls: value })} />
          {isSession && <NumberInput label="Seconds at most" min={1} value={draft.max_seconds} onChange={(value) => set({ max_seconds: value })} />}
        </div>
        <div><Button type="submit" loading={put.isPending}>{before ? "Put the change in force" : "Put in force"}</Button></div>
      </form>
    </Card>
  );
}
