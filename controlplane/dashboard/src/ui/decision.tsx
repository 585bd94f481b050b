// One decision with everything that explains it.
import { Anchor, SegmentedControl, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { count, duration, moment, percent, quality, usd, words } from "../lib/format";
import { Interval, scaleOf } from "./interval";
import { Facts, Loaded, ModelName, Plain, Status, Tag } from "./parts";
import { ReplayForm } from "./replay";

type Decision = Schemas["Decision"];

const LANGUAGES = [
  { value: "en", label: "English" },
  { value: "pt", label: "Português" },
  { value: "es", label: "Español" },
];

export function DecisionPanel({ id }: { id: string }) {
  const [language, setLanguage] = useState("en");
  const decision = useQuery({
    queryKey: ["decisions", "one", id, language],
    queryFn: () => told(api.GET("/v1/decisions/{request_id}", {
      params: { path: { request_id: id }, header: { "Accept-Language": language } },
    })),
    placeholderData: (before) => (before?.request_id === id ? before : undefined),
  });
  return (
    <Loaded of={decision} lines={10}>
      {(one) => (
        <div className="stack">
          <div>
            <div className="row" style={{ justifyContent: "space-between" }}>
              <h2 style={{ margin: 0, fontSize: 20 }} className="wrap"><ModelName of={one.winner} /></h2>
              <span className="row"><Tag>{words(one.phase)}</Tag><Status of={one.status} /></span>
            </div>
            <div className="soft small">{moment(one.request_created_at)}</div>
          </div>
          <div className="card" style={{ background: "var(--accent-soft)", borderColor: "transparent" }}>
            <p lang={language} style={{ margin: "0 0 10px" }} data-testid="explanation">{one.explanation}</p>
            <SegmentedControl size="xs" value={language} onChange={setLanguage} data={LANGUAGES} aria-label="Language of the explanation" />
          </div>
          <Tabs defaultValue="candidates" keepMounted={false}>
            <Tabs.List>
              <Tabs.Tab value="candidates">Candidates</Tabs.Tab>
              <Tabs.Tab value="call">Call</Tabs.Tab>
              <Tabs.Tab value="outcome">Outcome</Tabs.Tab>
              <Tabs.Tab value="replay">Replay</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="candidates" pt="md"><Candidates of={one} /></Tabs.Panel>
            <Tabs.Panel value="call" pt="md"><Call of={one} /></Tabs.Panel>
            <Tabs.Panel value="outcome" pt="md"><Outcome of={one} /></Tabs.Panel>
            <Tabs.Panel value="replay" pt="md"><ReplayForm decision={one} /></Tabs.Panel>
          </Tabs>
        </div>
      )}
    </Loaded>
  );
}

const SOURCES = [
  ["session", "Ratings of sessions", "var(--c1)"],
  ["auto", "Judge", "var(--c3)"],
  ["manual", "Ratings of replies", "var(--c2)"],
  ["benchmark", "Benchmarks", "var(--c4)"],
] as const;

export function Weights({ of }: { of: Schemas["Weights"] }) {
  const text = SOURCES.map(([key, name]) => `${name} ${percent(of[key])}`).join(", ");
  return (
    <div>
      <div className="weights" role="img" aria-label={`Weights: ${text}`}>
        {SOURCES.filter(([key]) => of[key] > 0).map(([key, , colour]) => (
          <i key={key} style={{ width: `${of[key] * 100}%`, background: colour }} />
        ))}
      </div>
      <div className="legend">
        {SOURCES.map(([key, name, colour]) => (
          <span key={key}><i style={{ background: colour }} />{name} <span className="num">{percent(of[key])}</span></span>
        ))}
      </div>
    </div>
  );
}

function Candidates({ of }: { of: Decision }) {
  const believed = of.candidates.flatMap((one) => (one.posterior ? [one.posterior] : []));
  const scale = scaleOf(believed);
  const isServed = (one: Schemas["Candidate"]) => one.model === of.winner?.model && one.provider === of.winner.provider;
  const rows = of.candidates.map((one) => ({
    key: `${one.provider}/${one.model}`,
    cells: [
      <span key="m" style={{ fontWeight: isServed(one) ? 620 : undefined }} className="model">
        {one.model} {one.filtered_reason && <Tag tone="warn">{words(one.filtered_reason)}</Tag>}
      </span>,
      one.posterior ? <Interval key="i" of={one.posterior} scale={scale} strong={isServed(one)} /> : "–",
      quality(one.posterior?.mean ?? one.score),
      percent(one.propensity),
      percent(one.p_best),
      usd(one.expected_cost_micro_usd),
    ],
  }));
  return (
    <div className="stack">
      {rows.length === 0
        ? <p className="soft">No ranking was asked: the call named its model, or a rule did.</p>
        : (
          <Plain label="Candidates" rows={rows} head={["Model", "Quality, 5 to 95 %", { name: "Mean", right: true },
            { name: "Served", right: true }, { name: "Best", right: true }, { name: "Forecast", right: true }]} />
        )}
      <Weights of={of.weights} />
      <Facts of={[
        ["Confidence", `${quality(of.confidence)} (${words(of.confidence_reason)})`],
        ["As good as the best", `${percent(of.calibrated_probability)} probable, within 0.02`],
        ["Drawn with", percent(of.propensity, 1)],
        ["Reason", words(of.reason)],
        ["Strategy", of.routing_rule ? `${words(of.routing_strategy)}, rule ${of.routing_rule}` : words(of.routing_strategy)],
        ["Evidence", `${count(of.evidence.scored_requests)} scored replies, ${count(of.evidence.rated_sessions)} rated sessions`],
        ["Default model", <ModelName key="b" of={of.baseline} />],
      ]} />
    </div>
  );
}

function Call({ of }: { of: Decision }) {
  const needs = [of.features.tools && "tools", of.features.vision && "images", of.features.json_schema && "structured output",
    of.features.stream && "streaming"].filter(Boolean);
  return (
    <Facts of={[
      ["Request", <span key="r" className="mono">{of.request_id}</span>],
      ["Session", of.session_id
        ? <Anchor key="s" component={Link} underline="always" to={`/sessions/${encodeURIComponent(of.session_id)}`}>{of.session_id}</Anchor> : "–"],
      ["Asked for", <span key="a" className="mono">{of.requested_model}</span>],
      ["Kind of task", <span key="t" className="mono">{of.task_shapes.join(" › ")}</span>],
      ["What spoke for it", of.class_signals.map((one) => one.name).join(", ") || "–"],
      ["Needs", needs.join(", ") || "nothing special"],
      ["Messages", `${count(of.features.messages)}, about ${count(of.features.input_tokens_estimate)} tokens`],
      ["User", of.user_id ?? "–"],
      ["Properties", Object.entries(of.properties).map(([name, value]) => `${name}=${value}`).join(", ") || "–"],
      ["API key", <span key="k" className="mono">{of.key_id ?? "–"}</span>],
      ["Snapshot", <span key="v" className="mono">{of.snapshot_version}</span>],
    ]} />
  );
}

function Outcome({ of }: { of: Decision }) {
  const { outcome, judge } = of;
  const scores: [string, number | undefined][] = [["Relevance", judge?.relevance], ["Coherence", judge?.coherence],
    ["Helpfulness", judge?.helpfulness], ["Safety", judge?.safety], ["Together", judge?.composite]];
  return (
    <div className="stack">
      <Facts of={[
        ["Ended", `${words(outcome.ending)}, status ${outcome.status}`],
        ["Cost", usd(outcome.cost_micro_usd)],
        ["Tokens", `${count(outcome.input_tokens)} in, ${count(outcome.output_tokens)} out, ${count(outcome.cached_input_tokens)} of the input cached`],
        ["Latency", `${duration(outcome.latency_ms)}, first byte after ${duration(outcome.first_byte_ms)}`],
        ["Floopy itself", `${count(outcome.overhead_us)} µs`],
        ["Rating", of.request_score !== null ? `${of.request_score} of 10, of this reply`
          : of.session_score !== null ? `${of.session_score} of 10, of the session` : "none yet"],
      ]} />
      <h3 style={{ fontSize: 14, margin: 0 }}>Judge</h3>
      {judge ? (
        <div className="stack" style={{ gap: 8 }}>
          {scores.map(([name, score]) => (
            <div key={name} className="row" style={{ flexWrap: "nowrap" }}>
              <span className="soft" style={{ width: 96 }}>{name}</span>
              <div className="meter" style={{ flex: 1 }} aria-hidden><i style={{ width: `${(score ?? 0) * 100}%` }} /></div>
              <span className="num">{quality(score)}</span>
            </div>
          ))}
          <span className="soft small">by {judge.judge}</span>
        </div>
      ) : <p className="soft" style={{ margin: 0 }}>Not scored, or not yet.</p>}
      <h3 style={{ fontSize: 14, margin: 0 }}>Attempts</h3>
      <Plain label="Attempts" head={["Model", "Result", { name: "Status", right: true }, { name: "Latency", right: true }]}
        rows={of.attempts.map((one, at) => ({
          key: String(at), cells: [one.model, words(one.result), one.status ?? "–", duration(one.latency_ms)],
        }))} />
    </div>
  );
}
