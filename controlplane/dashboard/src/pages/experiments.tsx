// Experiments: a share of the sessions goes another way, and both are compared.
import { Button, Drawer, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, duration, moment, percent, quality, usd, words } from "../lib/format";
import { useChange, useModelNames, useNow } from "../ui/hooks";
import { Interval, scaleOf } from "../ui/interval";
import { Paged } from "../ui/paged";
import { Card, Empty, Facts, Loaded, Page, Plain, Status } from "../ui/parts";
import { Sure } from "../ui/sure";

type Experiment = Schemas["Experiment"];
const named = (model: { model: string } | null) => model?.model ?? "a rule";
/** A change that moves traffic is confirmed, which the page did by asking twice. */
const CONFIRM = { "X-Floopy-Confirm": "experiments" } as const;

export default function Experiments() {
  const { id } = useParams();
  const navigate = useNavigate();
  const now = useNow();
  const may = useMay("admin");
  return (
    <Page title="Experiments" about="A share of the sessions follows another model or rule, or gets its copies in the shadow. Intervals hold however often you look.">
      <div className="stack">
        <Paged<Experiment> label="Experiments" queryKey={["experiments"]} refresh={10_000} chosen={id}
          page={async (cursor) => {
            const found = await told(api.GET("/v1/experiments", { params: { query: { limit: 50, cursor } } }));
            // Asked for by an experiment's filters it is a bare list.
            return Array.isArray(found) ? { items: found, next_cursor: null } : found;
          }}
          rowKey={(one) => one.id} open={(one) => void navigate(`/experiments/${one.id}`)}
          columns={[
            { name: "Name", width: "minmax(120px, 1.5fr)", cell: (one) => one.name },
            { name: "Type", width: "84px", cell: (one) => one.type, wide: true },
            { name: "Between", width: "minmax(120px, 1.5fr)", cell: (one) => `${named(one.baseline)} and ${named(one.candidate)}`, wide: true },
            { name: "Share", width: "60px", cell: (one) => percent(one.split_percentage / 100), right: true, wide: true },
            { name: "Status", width: "100px", cell: (one) => <Status of={one.status} /> },
            { name: "Began", width: "84px", cell: (one) => ago(one.started_at, now), right: true },
          ]}
          empty={<Empty title="No experiment yet">{may ? "Begin one below: choose two models and the share of sessions that tries the other." : "An administrator may begin one."}</Empty>} />
        {may && <Begin />}
      </div>
      <Drawer opened={Boolean(id)} onClose={() => void navigate("/experiments")} position="right" size={760} title="Experiment"
        closeButtonProps={{ "aria-label": "Close" }}>
        {id && <One id={id} />}
      </Drawer>
    </Page>
  );
}

const split = (name: string) => {
  const [provider = "", ...rest] = name.split("/");
  return { provider, model: rest.join("/") };
};

function Begin() {
  const names = useModelNames();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [type, setType] = useState<"canary" | "shadow">("canary");
  const [baseline, setBaseline] = useState("");
  const [candidate, setCandidate] = useState("");
  const [share, setShare] = useState<number | string>(10);
  const begin = useChange(
    () => told(api.POST("/v1/experiments", {
      params: { header: CONFIRM },
      body: {
        name: name || null, type, traffic_pct: Number(share),
        baseline: split(baseline || names[0] || ""), candidate: split(candidate || names[1] || ""),
      },
    })),
    { says: "The experiment has begun.", anew: [["experiments"]], then: (made) => void navigate(`/experiments/${made.id}`) },
  );
  return (
    <Card title="Begin an experiment" about="Canary: sessions are answered by the other model. Shadow: copies go to it, and nobody sees its replies.">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); begin.mutate(undefined); }}>
        <div className="pair">
          <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} placeholder="Which one answers better?" />
          <NativeSelect label="Type" data={["canary", "shadow"]} value={type} onChange={(event) => setType(event.currentTarget.value as "canary" | "shadow")} />
          <NativeSelect label="Baseline" data={names} value={baseline || names[0]} onChange={(event) => setBaseline(event.currentTarget.value)} />
          <NativeSelect label="Candidate" data={names} value={candidate || names[1]} onChange={(event) => setCandidate(event.currentTarget.value)} />
          <NumberInput label="Share of the sessions, in %" min={1} max={100} value={share} onChange={setShare} />
        </div>
        <div><Button type="submit" variant="default" loading={begin.isPending} disabled={names.length < 2}>Begin</Button></div>
      </form>
    </Card>
  );
}

function One({ id }: { id: string }) {
  const experiment = useQuery({
    queryKey: ["experiments", "one", id],
    queryFn: () => told(api.GET("/v1/experiments/{id}", { params: { path: { id } } })),
  });
  const results = useQuery({
    queryKey: ["experiments", "results", id],
    queryFn: () => told(api.GET("/v1/experiments/{id}/results", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });
  return (
    <Loaded of={experiment}>
      {(one) => (
        <div className="stack">
          <div className="row" style={{ justifyContent: "space-between" }}>
            <h2 style={{ margin: 0, fontSize: 19 }} className="wrap">{one.name}</h2><Status of={one.status} />
          </div>
          <Facts of={[
            ["Type", `${one.type}, ${percent(one.split_percentage / 100)} of the sessions`],
            ["Baseline", named(one.baseline)], ["Candidate", named(one.candidate)],
            ["Began", moment(one.started_at)], ["Ended", moment(one.ended_at)],
          ]} />
          {one.status === "active" && <End id={id} />}
          <Loaded of={results}>{(data) => <Results of={data} />}</Loaded>
        </div>
      )}
    </Loaded>
  );
}

function End({ id }: { id: string }) {
  const may = useMay("admin");
  const params = { path: { id }, header: CONFIRM };
  const complete = useChange(() => told(api.POST("/v1/experiments/{id}/complete", { params })), { says: "The experiment is over.", anew: [["experiments"]] });
  const back = useChange(() => told(api.POST("/v1/experiments/{id}/rollback", { params })), { says: "Rolled back in about a second.", anew: [["experiments"]] });
  if (!may) return null;
  return (
    <div className="row">
      <Sure action="Complete" busy={complete.isPending} go={() => complete.mutate(undefined)}>Sessions follow your routing again, and the results stay as they are.</Sure>
      <Sure action="Roll back" danger busy={back.isPending} go={() => back.mutate(undefined)}>Every session is answered by the baseline's way again in about a second.</Sure>
    </div>
  );
}

function Results({ of }: { of: Schemas["Results"] }) {
  const { variant_a: a, variant_b: b, test } = of;
  const believed = [a.quality, b.quality].flatMap((one) => (one ? [one] : []));
  const scale = scaleOf(believed);
  const row = (key: string, one: Schemas["VariantResults"], strong: boolean) => ({
    key,
    cells: [key, one.quality ? <Interval key="i" of={one.quality} scale={scale} strong={strong} /> : "–", quality(one.quality?.mean),
      count(one.sample_size), percent(one.success_rate), usd(one.average_cost_micro_usd), duration(one.average_latency_ms)],
  });
  const difference = test.quality_difference;
  return (
    <>
      <Plain label="Results" rows={[row("Baseline", a, false), row("Candidate", b, true)]}
        head={["Variant", `Quality, ${percent(test.level)}`, { name: "Mean", right: true }, { name: "Calls", right: true },
          { name: "Answered", right: true }, { name: "Cost", right: true }, { name: "Latency", right: true }]} />
      {difference && (
        <div>
          <div className="soft small">Difference in quality, candidate less baseline</div>
          <Interval of={difference} scale={scaleOf([difference, { mean: 0, lower: 0, upper: 0 }])} strong zero />
        </div>
      )}
      <div className={of.winner ? "note good" : "note"}>
        {of.winner ? `${words(of.winner)} wins` : "Not decided"}{of.winner_reason ? `: ${words(of.winner_reason)}` : ""}; it needs {count(test.min_sessions_per_variant)} sessions of known quality each, and has {count(a.sessions_of_known_quality)} and {count(b.sessions_of_known_quality)}.
      </div>
    </>
  );
}
