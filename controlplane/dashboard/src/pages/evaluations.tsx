// Evaluations: data sets asked of a model or of the router, and what the judge says of the replies.
import { Button, Drawer, NativeSelect, NumberInput, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, duration, moment, quality, usd, words } from "../lib/format";
import { Datasets } from "../ui/datasets";
import { DecisionPanel } from "../ui/decision";
import { useChange, useModelNames, useNow } from "../ui/hooks";
import { Paged } from "../ui/paged";
import { Card, Empty, Facts, Loaded, Page, Status, Trouble } from "../ui/parts";
import { Sure } from "../ui/sure";

type Run = Schemas["Evaluation"];
const UNDER_WAY = ["pending", "running"];
const MICRO = 1_000_000;

export default function Evaluations() {
  const { tab = "runs", id } = useParams();
  const navigate = useNavigate();
  return (
    <Page title="Evaluations" about="A data set is asked of a model or of the router, through the proxy, and judged. Nothing is learned from it.">
      <Tabs value={tab} onChange={(next) => void navigate(`/evaluations/${next}`)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="runs">Runs</Tabs.Tab>
          <Tabs.Tab value="datasets">Data sets</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="runs"><Runs id={id} /></Tabs.Panel>
        <Tabs.Panel value="datasets"><Datasets id={id} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** Data sets to choose from, and to name runs by. */
const useDatasets = () => useQuery({
  queryKey: ["datasets", "all"],
  queryFn: () => told(api.GET("/v1/datasets", { params: { query: { limit: 200 } } })),
});

function Runs({ id }: { id: string | undefined }) {
  const navigate = useNavigate();
  const now = useNow();
  const may = useMay("member");
  const datasets = useDatasets().data?.items ?? [];
  const nameOf = (dataset: string) => datasets.find((one) => one.id === dataset)?.name ?? "deleted";
  return (
    <div className="stack">
      <Paged<Run> label="Evaluations" queryKey={["evaluations", "list"]} refresh={3_000} chosen={id} rowKey={(one) => one.id}
        page={(cursor) => told(api.GET("/v1/evaluations", { params: { query: { limit: 50, cursor } } }))}
        open={(one) => void navigate(`/evaluations/runs/${one.id}`)}
        columns={[
          { name: "Data set", width: "minmax(110px, 1.4fr)", cell: (one) => nameOf(one.dataset_id) },
          { name: "Asked", width: "minmax(90px, 1fr)", cell: (one) => <span className="mono">{one.model}</span> },
          { name: "Status", width: "100px", cell: (one) => <Status of={one.status} />, wide: true },
          { name: "Took", width: "80px", cell: (one) => took(one, now), right: true, wide: true },
          { name: "Began", width: "88px", cell: (one) => ago(one.created_at, now), right: true },
        ]}
        empty={<Empty title="No evaluation yet">{may ? "Make a data set, then ask it of a model below." : "A member may begin one."}</Empty>} />
      {may && <Begin of={datasets} />}
      <Drawer opened={Boolean(id)} onClose={() => void navigate("/evaluations/runs")} position="right" size={820} title="Evaluation"
        closeButtonProps={{ "aria-label": "Close" }}>
        {id && <One key={id} id={id} name={nameOf} />}
      </Drawer>
    </div>
  );
}

function took(run: Run, now: number): string {
  if (!run.started_at) return "–";
  return duration((run.finished_at ? Date.parse(run.finished_at) : now) - Date.parse(run.started_at));
}

function Begin({ of }: { of: Schemas["Dataset"][] }) {
  const navigate = useNavigate();
  const names = useModelNames();
  const asked = of.filter((one) => one.row_count > 0);
  const [dataset, setDataset] = useState("");
  const [model, setModel] = useState("auto");
  const [most, setMost] = useState<number | string>(1);
  const [temperature, setTemperature] = useState<number | string>("");
  const begin = useChange(
    () => told(api.POST("/v1/evaluations", {
      body: {
        dataset_id: dataset || (asked[0]?.id ?? ""), model,
        config: {
          max_cost_micro_usd: typeof most === "number" ? Math.max(1, Math.round(most * MICRO)) : null,
          temperature: typeof temperature === "number" ? temperature : null,
        },
      },
    })),
    { says: "The evaluation has begun.", anew: [["evaluations"]], then: (made) => void navigate(`/evaluations/runs/${made.id}`) },
  );
  if (asked.length === 0) {
    return <Card title="Begin an evaluation"><Empty title="No data set with rows">Make one under Data sets: a row is a question, and what you expect if you know it.</Empty></Card>;
  }
  return (
    <Card title="Begin an evaluation" about="Every row is a call that is paid for; it ends before it would spend more than you say">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); begin.mutate(undefined); }}>
        <div className="pair">
          <NativeSelect label="Data set" value={dataset || asked[0]?.id} onChange={(event) => setDataset(event.currentTarget.value)}
            data={asked.map((one) => ({ value: one.id, label: `${one.name} (${count(one.row_count)})` }))} />
          <NativeSelect label="Model" value={model} onChange={(event) => setModel(event.currentTarget.value)}
            data={[{ value: "auto", label: "auto: the router" }, ...names]} />
          <NumberInput label="Cost at most, in $" min={0.000001} decimalScale={6} value={most} onChange={setMost} />
          <NumberInput label="Temperature" min={0} max={2} step={0.1} decimalScale={2} placeholder="the model's own" value={temperature} onChange={setTemperature} />
        </div>
        {begin.error && <Trouble error={begin.error} />}
        <div><Button type="submit" loading={begin.isPending}>Begin</Button></div>
      </form>
    </Card>
  );
}

function One({ id, name }: { id: string; name: (dataset: string) => string }) {
  const may = useMay("member");
  const path = { id };
  const run = useQuery({
    queryKey: ["evaluations", "one", id],
    queryFn: () => told(api.GET("/v1/evaluations/{id}", { params: { path } })),
    refetchInterval: ({ state }) => (state.data && isFinal(state.data) ? false : 2_000),
  });
  const cancel = useChange(() => told(api.POST("/v1/evaluations/{id}/cancel", { params: { path } })), { says: "It is over; what was answered stays.", anew: [["evaluations"]] });
  return (
    <Loaded of={run} lines={8}>
      {(one) => (
        <div className="stack">
          <div className="row" style={{ justifyContent: "space-between" }}>
            <h2 style={{ margin: 0, fontSize: 19 }} className="wrap">{name(one.dataset_id)}, asked of {one.model}</h2><Status of={one.status} />
          </div>
          {one.error && <div className="note bad" role="alert">{words(one.error.code)}: {one.error.message}</div>}
          {one.counts && <Progress of={one.counts} />}
          <div className="grid">
            <Card span={6} title="Quality" about="Means of what the judges said"><Scores of={one.scores} /></Card>
            <Card span={6} title="Run">
              <Facts of={[
                ["Cost", `${usd(one.cost_micro_usd)}${one.unpriced ? `, ${count(one.unpriced)} without a price` : ""}`],
                ["Latency", `${duration(one.latency_ms?.p50)} median, 95 % within ${duration(one.latency_ms?.p95)}`],
                ["Began", moment(one.started_at)], ["Ended", moment(one.finished_at)],
              ]} />
            </Card>
          </div>
          {may && UNDER_WAY.includes(one.status) && (
            <div><Sure action="Cancel the run" danger busy={cancel.isPending} go={() => cancel.mutate(undefined)}>What was answered stays, and is judged; the rest is not asked.</Sure></div>
          )}
          <Results id={id} isFinal={isFinal(one)} />
        </div>
      )}
    </Loaded>
  );
}

/** Whether nothing of it changes any more: what was answered is judged, too. */
function isFinal({ status, counts }: Run): boolean {
  if (UNDER_WAY.includes(status)) return false;
  return !counts || counts.scored + counts.skipped >= counts.answered;
}

function Progress({ of }: { of: Schemas["EvaluationCounts"] }) {
  const done = of.answered + of.failed;
  return (
    <div>
      <div className="row" style={{ justifyContent: "space-between" }}>
        <span>{count(done)} of {count(of.total)} asked{of.failed > 0 && `, ${count(of.failed)} failed`}</span>
        <span className="soft">{count(of.scored)} scored{of.skipped > 0 && `, ${count(of.skipped)} not judged`}</span>
      </div>
      <div className="meter" role="progressbar" aria-label="Rows asked" aria-valuemin={0} aria-valuemax={of.total} aria-valuenow={done}>
        <i style={{ width: `${(100 * done) / Math.max(1, of.total)}%` }} />
      </div>
    </div>
  );
}

const DIMENSIONS = ["composite", "relevance", "coherence", "helpfulness", "safety"] as const;

function Scores({ of }: { of: Schemas["EvaluationScores"] | undefined }) {
  if (!of || of.composite === null) return <p className="soft" style={{ margin: 0 }}>Nothing is judged yet.</p>;
  return (
    <div className="stack" style={{ gap: 8 }}>
      {DIMENSIONS.map((name) => (
        <div key={name} className="row" style={{ flexWrap: "nowrap" }}>
          <span className="soft" style={{ width: 96 }}>{name === "composite" ? "Together" : words(name).replace(/^./, (first) => first.toUpperCase())}</span>
          <div className="meter" style={{ flex: 1 }} aria-hidden><i style={{ width: `${(of[name] ?? 0) * 100}%` }} /></div>
          <span className="num">{quality(of[name])}</span>
        </div>
      ))}
    </div>
  );
}

type Result = Schemas["EvaluationResult"];
const text = (value: unknown) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

function Results({ id, isFinal: isOver }: { id: string; isFinal: boolean }) {
  const [shown, setShown] = useState<Result | null>(null);
  return (
    <>
      <h3 style={{ margin: 0, fontSize: 14 }}>Results</h3>
      {shown && <Shown of={shown} close={() => setShown(null)} />}
      <Paged<Result> label="Results" queryKey={["evaluations", "results", id, isOver]} refresh={isOver ? undefined : 3_000} rowKey={(one) => one.id}
        page={(cursor) => told(api.GET("/v1/evaluations/{id}/results", { params: { path: { id }, query: { limit: 100, cursor } } }))}
        open={setShown} chosen={shown?.id}
        columns={[
          { name: "Row", width: "minmax(80px, 0.8fr)", cell: (one) => one.input_id },
          { name: "Reply", width: "minmax(120px, 2.2fr)", cell: (one) => one.output || <span className="soft">{text(one.metadata.error)}</span> },
          { name: "Model", width: "minmax(80px, 0.9fr)", cell: (one) => text(one.metadata.model), wide: true },
          { name: "As expected", width: "88px", cell: (one) => (one.metadata.matches_expected === undefined || one.metadata.matches_expected === null ? "–" : one.metadata.matches_expected ? "yes" : "no"), wide: true },
          { name: "Score", width: "62px", cell: (one) => quality(one.score), right: true },
        ]}
        empty={<Empty title="No result yet">Results are here as the rows are answered.</Empty>} />
    </>
  );
}

function Shown({ of, close }: { of: Result; close: () => void }) {
  const { metadata } = of;
  const [why, setWhy] = useState(false);
  const request = typeof metadata.request_id === "string" ? metadata.request_id : null;
  return (
    <Card title={<span className="mono">{of.input_id}</span>} actions={<Button size="compact-sm" variant="default" onClick={close}>Close the row</Button>}>
      <div className="stack">
        <div className="turn assistant"><div className="who"><strong>{text(metadata.model)}</strong></div>{of.output || text(metadata.error)}</div>
        <Facts of={[
          ["Expected", text(metadata.expected)], ["Score", of.score === null ? `none: ${words(text(metadata.unscored))}` : quality(of.score)],
          ["Judge", text(metadata.judge)], ["Cost", usd(metadata.cost_micro_usd as number | null)], ["Latency", duration(metadata.latency_ms as number | null)],
        ]} />
        {request && <div><Button size="compact-sm" variant="default" onClick={() => setWhy(!why)} aria-expanded={why}>{why ? "Hide why" : "Why this model?"}</Button></div>}
        {request && why && <DecisionPanel id={request} />}
      </div>
    </Card>
  );
}
