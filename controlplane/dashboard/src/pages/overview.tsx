// How routing does right now: quality, cost, latency, savings, and who serves.
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { count, duration, mean, percent, quality, quantile, signed, usd } from "../lib/format";
import { Daily, Rolling } from "../ui/charts";
import { useRecent } from "../ui/hooks";
import { Interval, scaleOf } from "../ui/interval";
import { Card, Empty, Facts, Loaded, ModelName, Page, Stat, Status } from "../ui/parts";

/** How often what is live is asked again. */
const LIVE = 10_000;

const FIRST_CALL = `curl ${location.protocol}//${location.hostname}:8080/v1/chat/completions \\
  -H "Authorization: Bearer $FLOOPY_API_KEY" -H "Content-Type: application/json" \\
  -d '{"model": "auto", "messages": [{"role": "user", "content": "What is a canary release?"}]}'`;

export default function Overview() {
  const recent = useRecent(LIVE);
  const usage = useQuery({
    queryKey: ["usage", "day"],
    queryFn: () => told(api.GET("/v1/usage", { params: { query: { group_by: ["day"] } } })),
    refetchInterval: LIVE,
  });
  const decisions = recent.data?.items ?? [];
  const isNew = recent.data?.items.length === 0;
  return (
    <Page title="Overview" about="What routing serves, what it costs, and whether it is worth it.">
      {isNew ? (
        <div className="card">
          <Empty title="No call has come through yet" code={FIRST_CALL}>
            Send the first one to the proxy with your API key; it is here a second later.
          </Empty>
        </div>
      ) : (
        <div className="grid">
          <Numbers decisions={decisions} usage={usage.data} />
          <Baseline />
          <Savings />
          <Card span={6} title="Quality" about="Judge's score of each reply, mean of 20, over the last 100 decisions">
            <Loaded of={recent}>{() => <Rolling of={decisions} value={(one) => one.quality} format={quality} name="Quality" fit />}</Loaded>
          </Card>
          <Card span={6} title="Latency" about="Mean of 20, over the last 100 decisions">
            <Loaded of={recent}>{() => <Rolling of={decisions} value={(one) => one.latency_ms} format={duration} name="Latency" />}</Loaded>
          </Card>
          <Card span={7} title="Cost by day" about="This month, of replies that were served">
            <Loaded of={usage}>{(data) => <Daily of={data.groups} />}</Loaded>
          </Card>
          <Card span={5} title="Who serves" about="Of the last 100 decisions">
            <Loaded of={recent}>{() => <Mix decisions={decisions} />}</Loaded>
          </Card>
        </div>
      )}
    </Page>
  );
}

const knownOf = (values: (number | null | undefined)[]) => values.filter((value) => value !== null && value !== undefined);

function Numbers({ decisions, usage }: { decisions: Schemas["DecisionSummary"][]; usage: Schemas["Usage"] | undefined }) {
  const latencies = knownOf(decisions.map((one) => one.latency_ms));
  const scores = knownOf(decisions.map((one) => one.quality));
  const failed = decisions.filter((one) => one.status === "error").length;
  const total = usage?.total;
  const each = total && total.requests > 0 ? (total.cost_micro_usd / total.requests) * 1_000 : null;
  return (
    <>
      <Stat label="Requests this month" value={count(total?.requests)}
        note={decisions.length > 0 && `${count(failed)} of the last ${count(decisions.length)} failed`} />
      <Stat label="Cost this month" value={usd(total?.cost_micro_usd)} note={`${usd(each)} per 1,000 requests`} />
      <Stat label="Quality" value={quality(mean(scores))} note={scores.length > 0 ? `by the judge, of the last ${count(scores.length)} scored` : "no reply was scored yet"} />
      <Stat label="Latency, median" value={duration(quantile(latencies, 0.5))}
        note={`95 % within ${duration(quantile(latencies, 0.95))}`} />
    </>
  );
}

function Baseline() {
  const baseline = useQuery({
    queryKey: ["baseline"], queryFn: () => told(api.GET("/v1/routing/baseline")), refetchInterval: LIVE,
  });
  return (
    <Card span={6} title="Against the best single model" about="Mean score of routing less that of the one model that would have done best on the same requests">
      <Loaded of={baseline}>
        {(data) => {
          const { difference, confidence_sequence: range } = data;
          if (difference === undefined || !range) return <p className="soft">{data.explanation}</p>;
          const believed = { mean: difference, lower: range.lower, upper: range.upper };
          const scale = scaleOf([believed, { mean: 0, lower: 0, upper: 0 }]);
          return (
            <div className="stack" style={{ gap: 10 }}>
              <div className="row" style={{ justifyContent: "space-between" }}>
                <span className="num" style={{ fontSize: 24, fontWeight: 620 }}>{signed(difference * 100, (x) => x.toFixed(1))} points</span>
                <Status of={data.verdict} />
              </div>
              <Interval of={believed} scale={scale} strong zero />
              <p className="soft small" style={{ margin: 0 }}>
                Between {signed(range.lower * 100, (x) => x.toFixed(1))} and {signed(range.upper * 100, (x) => x.toFixed(1))} at
                every moment with {percent(range.level)}; against <ModelName of={data.best_single} /> over {count(data.routing?.requests)} requests.
              </p>
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Savings() {
  const savings = useQuery({
    queryKey: ["savings", "7d"],
    queryFn: () => told(api.GET("/v1/optimization/savings", { params: { query: { window: "7d" } } })),
    refetchInterval: 30_000,
  });
  return (
    <Card span={6} title="Saved against your default model" about="The last 7 days, of requests that followed a routing rule">
      <Loaded of={savings}>
        {(data) => (data.savings_micro_usd === null ? (
          <p className="soft" style={{ margin: 0 }}>
            {data.baseline_model
              ? `Not known yet: ${count(data.baseline_samples)} replies of ${data.baseline_model.model} under a rule, of 50 that are needed. `
              : "Not known: savings are measured against a default model, and none is set. "}
            <Link to="/routing/rules">Routing rules</Link>
          </p>
        ) : (
          <div className="stack" style={{ gap: 10 }}>
            <span className="num" style={{ fontSize: 24, fontWeight: 620 }}>{usd(data.net_savings_micro_usd)}</span>
            <Facts of={[
              ["Paid", usd(data.actual_cost_micro_usd)],
              ["Would have cost", usd(data.counterfactual_cost_micro_usd)],
              ["Interval", `${usd(data.savings_interval?.lower_micro_usd)} to ${usd(data.savings_interval?.upper_micro_usd)}`],
              ["Shadow", usd(data.shadow_cost_micro_usd)],
              ["Judge, paid by the operator", usd(data.judge_cost_micro_usd)],
            ]} />
          </div>
        ))}
      </Loaded>
    </Card>
  );
}

function Mix({ decisions }: { decisions: Schemas["DecisionSummary"][] }) {
  const by = Map.groupBy(decisions, (one) => one.model ?? "nobody");
  const rows = [...by].toSorted((a, b) => b[1].length - a[1].length).slice(0, 8);
  return (
    <div className="stack" style={{ gap: 9 }}>
      {rows.map(([model, served]) => (
        <div key={model}>
          <div className="row" style={{ justifyContent: "space-between", flexWrap: "nowrap" }}>
            <span className="clip">{model}</span>
            <span className="num soft small">{percent(served.length / decisions.length)}</span>
          </div>
          <div className="meter" aria-hidden><i style={{ width: `${(100 * served.length) / decisions.length}%` }} /></div>
        </div>
      ))}
    </div>
  );
}
