// How `auto` decides: rankings by kind of task, what may serve, and fixed rules.
import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import type { Schemas } from "../api/client";
import { count, duration, percent, quality, words } from "../lib/format";
import { ConstraintsForm } from "../ui/constraints";
import { Weights } from "../ui/decision";
import { useRankings } from "../ui/hooks";
import { Interval, scaleOf } from "../ui/interval";
import { Card, Empty, Facts, Loaded, ModelName, Page, Plain, Tag, type Tone } from "../ui/parts";
import { Rules } from "../ui/rules";

export default function Routing() {
  const { tab = "rankings" } = useParams();
  const navigate = useNavigate();
  return (
    <Page title="Routing" about="What is believed of each model for each kind of task, and what you allow.">
      <Tabs value={tab} onChange={(next) => void navigate(`/routing/${next}`)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="rankings">Rankings</Tabs.Tab>
          <Tabs.Tab value="constraints">Constraints</Tabs.Tab>
          <Tabs.Tab value="rules">Rules</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="rankings"><Rankings /></Tabs.Panel>
        <Tabs.Panel value="constraints"><ConstraintsForm /></Tabs.Panel>
        <Tabs.Panel value="rules"><Rules /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

const PHASES: Record<string, { tone: Tone; says: string }> = {
  day0: { tone: "plain", says: "only benchmarks speak" },
  auto: { tone: "info", says: "the judge's scores decide" },
  nps: { tone: "good", says: "people's ratings decide" },
};

function Rankings() {
  const rankings = useRankings(5_000);
  const [chosen, setChosen] = useState("all");
  return (
    <Loaded of={rankings} lines={10}>
      {(data) => {
        const shapes = data.task_shapes;
        const shape = shapes.find((one) => one.task_shape === chosen) ?? shapes[0];
        if (!shape) return <div className="card"><Empty title="Nothing is ranked yet">Give Floopy a provider's key; rankings follow within seconds.</Empty></div>;
        const order = (name: string) => (name === "all" ? 0 : name.startsWith("class:") ? 1 : 2);
        const sorted = shapes.toSorted((a, b) => order(a.task_shape) - order(b.task_shape) || b.scored_requests - a.scored_requests);
        return (
          <div className="grid">
            <Card span={4} title="Kinds of task" about={`${count(shapes.length)} ranked, with the replies that were scored`}>
              <div className="shapes">
                {sorted.map((one) => (
                  <button key={one.task_shape} type="button" aria-pressed={one === shape} onClick={() => setChosen(one.task_shape)}>
                    <span className="mono clip">{one.task_shape}</span>
                    <span className="num soft small">{count(one.scored_requests)}</span>
                  </button>
                ))}
              </div>
            </Card>
            <Shape of={shape} />
          </div>
        );
      }}
    </Loaded>
  );
}

type RankedShape = Schemas["RankedShape"];

function Shape({ of }: { of: RankedShape }) {
  const phase = PHASES[of.phase];
  const scale = scaleOf(of.candidates.map((one) => one.posterior));
  return (
    <div className="stack span-8">
      <Card title={<span className="mono" style={{ fontSize: 15 }}>{of.task_shape}</span>} actions={<Tag tone={phase?.tone}>{of.phase}: {phase?.says}</Tag>}>
        <Weights of={of.weights} />
        <div style={{ marginTop: 14 }}>
          <Facts of={[
            ["Confidence", `${quality(of.confidence)} (${words(of.confidence_reason)})`],
            ["As good as the best", `${percent(of.calibrated_probability)} probable, within 0.02`],
            ["Evidence", `${count(of.scored_requests)} scored replies, ${count(of.rated_sessions)} rated sessions`],
            ["Default model", <ModelName key="b" of={of.baseline} />],
          ]} />
        </div>
      </Card>
      <Card title="Ranking" about="Belief about the quality, from the 5 % to the 95 % quantile; the best first">
        <Plain label={`Ranking of ${of.task_shape}`}
          head={["Model", "Quality", { name: "Mean", right: true }, { name: "Served", right: true }, { name: "Shadow", right: true },
            { name: "Best", right: true }, { name: "95 % within", right: true }]}
          rows={of.candidates.map((one) => ({
            key: `${one.provider}/${one.model}`,
            cells: [
              <span key="m" className="model">{one.model} {one.role !== "fallback" && <Role of={one.role} />} {one.gate && <Tag tone="warn">{words(one.gate)}</Tag>}</span>,
              <Interval key="i" of={one.posterior} scale={scale} strong={one.role === "incumbent"} />,
              quality(one.posterior.mean), percent(one.probability), percent(one.shadow_probability), percent(one.p_best),
              duration(one.latency_p95_ms),
            ],
          }))} />
      </Card>
    </div>
  );
}

const ROLES: Record<string, Tone> = { incumbent: "good", canary: "info", explorer: "info", masked: "bad" };

function Role({ of }: { of: string }) {
  return <Tag tone={ROLES[of]}>{of === "incumbent" ? "serves" : of}</Tag>;
}
