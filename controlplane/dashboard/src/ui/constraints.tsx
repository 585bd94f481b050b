// What may serve, and at what price: edited, tried on the last calls, and put in force.
import { Button, NumberInput, TagsInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, mean, quality, signed, usd } from "../lib/format";
import { useModelNames } from "./hooks";
import { Card, Facts, Loaded, Trouble } from "./parts";

const KEY = ["constraints"];
/** Calls that a preview decides again. */
const TRIED = 12;
const AT_ONCE = 3;

type Constraints = Schemas["Constraints"];

interface InForce {
  etag: string | null;
  constraints: Constraints;
}

async function inForce(): Promise<InForce> {
  const asked = await api.GET("/v1/constraints");
  return { etag: asked.response.headers.get("etag"), constraints: await told(Promise.resolve(asked)) };
}

export function ConstraintsForm() {
  const found = useQuery({ queryKey: KEY, queryFn: inForce, refetchOnWindowFocus: false });
  return <Loaded of={found} lines={8}>{(data) => <Form key={data.etag} of={data} />}</Loaded>;
}

/** Without what says nothing: an empty list would let nobody serve. */
export function saying(constraints: Schemas["RoutingConstraintsInput"]): Schemas["RoutingConstraintsInput"] {
  const says = (value: unknown) => value !== null && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(constraints).filter(([, value]) => says(value)));
}

type Field = number | string;
const number = (field: Field) => (typeof field === "number" ? field : null);
const field = (value: number | null | undefined, scale = 1): Field => (value === null || value === undefined ? "" : value / scale);
const MICRO = 1_000_000;

function useDraft({ constraints }: InForce) {
  const { routing } = constraints;
  const [lists, setLists] = useState({
    allow_models: routing.allow_models, deny_models: routing.deny_models,
    allow_providers: routing.allow_providers, deny_providers: routing.deny_providers,
  });
  const [cost, setCost] = useState<Field>(field(routing.max_cost_micro_usd, MICRO));
  const [latency, setLatency] = useState<Field>(field(routing.max_latency_ms));
  const [floor, setFloor] = useState<Field>(field(routing.min_quality?.floor));
  const [assurance, setAssurance] = useState<Field>(field(routing.min_quality?.assurance ?? 0.7));
  const [requests, setRequests] = useState<Field>(field(constraints.max_requests_per_minute));
  const [month, setMonth] = useState<Field>(field(constraints.cost_limit_monthly_usd));
  const asRouting = saying({
    ...lists,
    max_cost_micro_usd: number(cost) === null ? null : Math.round((number(cost) ?? 0) * MICRO),
    max_latency_ms: number(latency),
    min_quality: number(floor) === null ? null : { floor: number(floor) ?? 0, assurance: number(assurance) ?? 0.7 },
  });
  return {
    lists, setLists, asRouting, limits: { max_requests_per_minute: number(requests), cost_limit_monthly_usd: number(month) },
    fields: { cost, setCost, latency, setLatency, floor, setFloor, assurance, setAssurance, requests, setRequests, month, setMonth },
  };
}

function Form({ of }: { of: InForce }) {
  const draft = useDraft(of);
  const client = useQueryClient();
  const may = useMay("admin");
  const { max_tokens_per_window, token_window_seconds } = of.constraints;
  const save = useMutation({
    mutationFn: () => told(api.PUT("/v1/constraints", {
      // A group that is mentioned is replaced as a whole: what this form does not show of it goes along.
      body: { routing: draft.asRouting, ...draft.limits, max_tokens_per_window, token_window_seconds },
      params: { header: { "If-Match": of.etag ?? undefined } },
    })),
    onSuccess: () => {
      notifications.show({ message: "In force at every proxy in about a second.", color: "green" });
      return client.invalidateQueries({ queryKey: KEY });
    },
  });
  return (
    <form className="grid" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
      <div className="stack span-7">
        <Serve draft={draft} disabled={!may} />
        <Limits draft={draft} disabled={!may} />
        {save.error && <Trouble error={save.error} />}
        <div className="row">
          <Button type="submit" loading={save.isPending} disabled={!may}>Put in force</Button>
          {!may && <span className="soft small">An administrator may change this.</span>}
        </div>
      </div>
      <div className="span-5"><Preview routing={draft.asRouting} /></div>
    </form>
  );
}

type Draft = ReturnType<typeof useDraft>;

function Serve({ draft, disabled }: { draft: Draft; disabled: boolean }) {
  const names = useModelNames();
  const providers = [...new Set(names.map((name) => name.split("/")[0] ?? ""))];
  const { lists, setLists, fields } = draft;
  const list = (name: keyof typeof lists, label: string, data: string[], description?: string) => (
    <TagsInput label={label} description={description} data={data} value={lists[name]} disabled={disabled}
      onChange={(value) => setLists({ ...lists, [name]: value })} clearable={false} />
  );
  return (
    <Card title="Who may serve">
      <div className="stack">
        {list("allow_models", "Only these models", names, "Empty: all of them")}
        {list("deny_models", "Never these models", names)}
        {list("allow_providers", "Only these providers", providers, "Empty: all of them")}
        {list("deny_providers", "Never these providers", providers)}
        <div className="pair">
          <NumberInput label="Forecast of a request at most, in $" min={0} decimalScale={6} step={0.001} disabled={disabled}
            value={fields.cost} onChange={fields.setCost} />
          <NumberInput label="Latency at most, in ms" description={null} min={1} disabled={disabled} value={fields.latency} onChange={fields.setLatency} />
          <NumberInput label="Share of the default model's quality" min={0} max={1} step={0.01} decimalScale={3} disabled={disabled}
            value={fields.floor} onChange={fields.setFloor} />
          <NumberInput label="Kept with this probability" min={0} max={1} step={0.05} decimalScale={3} disabled={disabled}
            value={fields.assurance} onChange={fields.setAssurance} />
        </div>
      </div>
    </Card>
  );
}

function Limits({ draft, disabled }: { draft: Draft; disabled: boolean }) {
  const { fields } = draft;
  return (
    <Card title="Limits" about="Empty is no limit">
      <div className="pair">
        <NumberInput label="Requests a minute, of each key" min={1} disabled={disabled} value={fields.requests} onChange={fields.setRequests} />
        <NumberInput label="Cost a month, in $" min={0} decimalScale={2} disabled={disabled} value={fields.month} onChange={fields.setMonth} />
      </div>
    </Card>
  );
}

interface Tried {
  replays: Schemas["Replay"][];
  refused: number;
}

/** The last calls that routing decided, decided again. */
async function tryOn(routing: Schemas["RoutingConstraintsInput"]): Promise<Tried> {
  const recent = await told(api.GET("/v1/decisions", {
    params: { query: { limit: TRIED, routing_strategy: "feedback_driven" } },
  }));
  const waiting = recent.items.map((one) => one.request_id);
  const tried: Tried = { replays: [], refused: 0 };
  async function next(): Promise<void> {
    const request_id = waiting.shift();
    if (!request_id) return;
    const asked = await api.POST("/v1/routing/replay", { body: { request_id, constraints: routing } });
    if (asked.data?.replayed) tried.replays.push(asked.data);
    else tried.refused += 1;
    if (asked.response.status === 400) await told(Promise.resolve(asked));
    return next();
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return tried;
}

function Preview({ routing }: { routing: Schemas["RoutingConstraintsInput"] }) {
  const preview = useMutation({ mutationFn: () => tryOn(routing) });
  return (
    <Card title="Preview" about={`The last ${TRIED} calls that routing decided, decided again under what stands in the form. Nobody is called.`}>
      <div className="stack">
        <div><Button variant="default" loading={preview.isPending} onClick={() => preview.mutate()}>Try it on the last calls</Button></div>
        {preview.error && <Trouble error={preview.error} />}
        {preview.data && <Outcome of={preview.data} />}
      </div>
    </Card>
  );
}

function Outcome({ of }: { of: Tried }) {
  if (of.replays.length === 0) return <p className="soft" style={{ margin: 0 }}>There is no call yet that could be decided again.</p>;
  const changed = of.replays.filter((one) => one.changed);
  const nobody = of.replays.filter((one) => !one.replayed?.winner).length;
  const deltas = (name: "mean_quality" | "mean_cost_micro_usd") =>
    mean(of.replays.flatMap((one) => (typeof one.delta?.[name] === "number" ? [one.delta[name]] : [])));
  const moves = Map.groupBy(changed, (one) => `${one.original.winner?.model ?? "nobody"} → ${one.replayed?.winner?.model ?? "nobody"}`);
  return (
    <div role="status" className="stack" data-testid="preview">
      <div className={nobody > 0 ? "note bad" : changed.length > 0 ? "note warn" : "note good"}>
        {nobody > 0
          ? `${count(nobody)} of ${count(of.replays.length)} would be served by nobody but the default model.`
          : `${count(changed.length)} of ${count(of.replays.length)} would be served by another model.`}
      </div>
      <Facts of={[
        ["Forecast each", signed(deltas("mean_cost_micro_usd"), usd)],
        ["Quality", signed(deltas("mean_quality"), quality)],
        ...(of.refused > 0 ? [["Not decided", count(of.refused)] as [string, string]] : []),
      ]} />
      {[...moves].map(([move, calls]) => (
        <div key={move} className="row" style={{ justifyContent: "space-between", flexWrap: "nowrap" }}>
          <span className="wrap">{move}</span><span className="num soft">{count(calls.length)}</span>
        </div>
      ))}
    </div>
  );
}
