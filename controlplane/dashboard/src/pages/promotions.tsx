// How candidates come to serve: their steps, their tests, and the way back.
import { Button, Drawer, NativeSelect, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, moment, quality, words } from "../lib/format";
import { Capital } from "../ui/charts";
import { useChange, useModelNames, useNow, useRankings } from "../ui/hooks";
import { Paged } from "../ui/paged";
import { Card, Empty, Facts, Loaded, ModelName, Page, Plain, Status } from "../ui/parts";
import { Sure } from "../ui/sure";

type Promotion = Schemas["Promotion"];
const ENDED = ["rolled_back", "superseded", "withdrawn"];

export default function Promotions() {
  const { id } = useParams();
  const navigate = useNavigate();
  const now = useNow();
  return (
    <Page title="Promotions" about="Another model comes to serve step by step, and goes back as soon as a guard speaks. Every test holds at any number of looks.">
      <div className="grid" style={{ marginBottom: 16 }}><Mode /><Pins /></div>
      <Paged<Promotion> label="Promotions" queryKey={["promotions"]} refresh={5_000} chosen={id}
        page={(cursor) => told(api.GET("/v1/promotions", { params: { query: { limit: 50, cursor } } }))}
        rowKey={(one) => one.id} open={(one) => void navigate(`/promotions/${one.id}`)}
        columns={[
          { name: "Candidate", width: "minmax(110px, 1.3fr)", cell: (one) => one.candidate.model },
          { name: "Instead of", width: "minmax(100px, 1.2fr)", cell: (one) => one.replaces.model, wide: true },
          { name: "Kind of task", width: "minmax(100px, 1fr)", cell: (one) => <span className="mono">{one.task_shape}</span>, wide: true },
          { name: "Stage", width: "110px", cell: (one) => <Status of={one.stage} /> },
          { name: "Why", width: "minmax(80px, 0.8fr)", cell: (one) => words(one.reason), wide: true },
          { name: "Changed", width: "84px", cell: (one) => ago(one.changed_at, now), right: true },
        ]}
        empty={<Empty title="No promotion yet">In the staged mode every other model that is to serve is listed here, with its tests. In the immediate mode rankings decide at once.</Empty>} />
      <Drawer opened={Boolean(id)} onClose={() => void navigate("/promotions")} position="right" size={760} title="Promotion"
        closeButtonProps={{ "aria-label": "Close" }}>
        {id && <One id={id} />}
      </Drawer>
    </Page>
  );
}

function Mode() {
  const may = useMay("admin");
  const mode = useQuery({ queryKey: ["promotions", "mode"], queryFn: () => told(api.GET("/v1/promotions/settings")) });
  const set = useChange(
    (mode: "immediate" | "staged") => told(api.PUT("/v1/promotions/settings", { body: { mode } })),
    { says: "The mode is set.", anew: [["promotions", "mode"]] },
  );
  return (
    <Card span={5} title="Mode" about="Immediate: who is probably better serves at once. Staged: only after shadow, canary and wide canary.">
      <Loaded of={mode} lines={1}>
        {(data) => (
          <SegmentedControl aria-label="Mode" value={data.mode} disabled={!may || set.isPending}
            onChange={(next) => set.mutate(next as "immediate" | "staged")}
            data={[{ value: "immediate", label: "Immediate" }, { value: "staged", label: "Staged" }]} />
        )}
      </Loaded>
    </Card>
  );
}

function Pins() {
  const may = useMay("admin");
  const names = useModelNames();
  const shapes = useRankings().data?.task_shapes.map((one) => one.task_shape) ?? [];
  const [shape, setShape] = useState("all");
  const [model, setModel] = useState("");
  const pins = useQuery({ queryKey: ["pins"], queryFn: () => told(api.GET("/v1/promotions/pins")) });
  const pin = useChange(
    () => told(api.POST("/v1/promotions/pins", { body: { model: model || names[0], ...(shape === "all" ? {} : { task_shape: shape }) } })),
    { says: "It serves from about a second later.", anew: [["pins"]] },
  );
  const unpin = useChange(
    (id: string) => told(api.DELETE("/v1/promotions/pins/{id}", { params: { path: { id } } })),
    { says: "The pin is gone.", anew: [["pins"]] },
  );
  return (
    <Card span={7} title="Pins" about="A pinned model serves whatever is learned">
      <Loaded of={pins} lines={2}>
        {(data) => data.items.length > 0 && (
          <Plain label="Pins" head={["Kind of task", "Model", ""]} rows={data.items.map((one) => ({
            key: one.id,
            cells: [<span key="s" className="mono">{one.task_shape}</span>, one.model.model,
              may && <Button key="u" size="compact-sm" variant="default" onClick={() => unpin.mutate(one.id)}>Unpin</Button>],
          }))} />
        )}
      </Loaded>
      {may && (
        <form className="row end" style={{ marginTop: 10 }} onSubmit={(event) => { event.preventDefault(); pin.mutate(undefined); }}>
          <NativeSelect label="Kind of task" data={shapes.length > 0 ? shapes : ["all"]} value={shape} onChange={(event) => setShape(event.currentTarget.value)} />
          <NativeSelect label="Model" data={names} value={model || names[0]} onChange={(event) => setModel(event.currentTarget.value)} />
          <Button type="submit" variant="default" loading={pin.isPending} disabled={names.length === 0}>Pin</Button>
        </form>
      )}
    </Card>
  );
}

function One({ id }: { id: string }) {
  const may = useMay("admin");
  const promotion = useQuery({
    queryKey: ["promotions", "one", id],
    queryFn: () => told(api.GET("/v1/promotions/{id}", { params: { path: { id } } })),
    refetchInterval: 5_000,
  });
  const back = useChange(
    () => told(api.POST("/v1/promotions/{id}/rollback", { params: { path: { id } } })),
    { says: "It is taken back in about a second.", anew: [["promotions"]] },
  );
  return (
    <Loaded of={promotion} lines={8}>
      {(one) => (
        <div className="stack">
          <div className="row" style={{ justifyContent: "space-between" }}>
            <h2 style={{ margin: 0, fontSize: 19 }} className="wrap"><ModelName of={one.candidate} /></h2><Status of={one.stage} />
          </div>
          <Facts of={[
            ["Instead of", <ModelName key="r" of={one.replaces} />],
            ["Kind of task", <span key="t" className="mono">{one.task_shape}</span>],
            ["Began", moment(one.began_at)],
            ["Next step", `capital ${one.next_step.capital.toPrecision(3)} of ${one.next_step.bound}, after ${count(one.next_step.scores)} scores`],
          ]} />
          {may && !ENDED.includes(one.stage) && (
            <div><Sure action="Roll back" danger busy={back.isPending} go={() => back.mutate(undefined)}>
              {one.replaces.model} serves again in about a second. The candidate only proves itself in the shadow for a day.
            </Sure></div>
          )}
          <h3 style={{ margin: 0, fontSize: 14 }}>Test for the next step</h3>
          <Capital name="Test for the next step" bound={one.next_step.bound}
            of={[...(one.trace ?? []), { at: one.changed_at, capital: one.next_step.capital }]} />
          <h3 style={{ margin: 0, fontSize: 14 }}>Guards</h3>
          <Plain label="Guards" head={["Guard", { name: "Capital", right: true }, { name: "Back at", right: true }, { name: "Seen", right: true },
            { name: "Mean", right: true }, { name: "Of the other", right: true }]}
            rows={one.guards.map((guard) => ({
              key: guard.channel,
              cells: [words(guard.channel), guard.capital.toPrecision(3), count(guard.bound), count(guard.observations), quality(guard.mean), quality(guard.replaced_mean)],
            }))} />
          <h3 style={{ margin: 0, fontSize: 14 }}>Steps</h3>
          <ol className="steps">
            {(one.trace ?? []).map((step) => (
              <li key={step.at + step.to}>
                <Status of={step.to} /> {words(step.reason)}
                <div className="soft small">{moment(step.at)}, by {step.by}</div>
              </li>
            ))}
          </ol>
        </div>
      )}
    </Loaded>
  );
}
