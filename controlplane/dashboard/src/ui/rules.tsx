// Fixed rules: made, and taken away.
import { Button, NativeSelect, NumberInput, Switch, TagsInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, percent, quality, signed, usd, words } from "../lib/format";
import { useChange, useModelNames } from "./hooks";
import { Card, Empty, Loaded, Plain, Status, Tag } from "./parts";
import { Sure } from "./sure";

const KEY = ["rules"];
const STRATEGIES: Schemas["Strategy"][] = ["feedback_driven", "fallback", "weighted", "round_robin", "latency_based", "smart_cost", "legacy_model"];

export const useRules = () => useQuery({ queryKey: KEY, queryFn: () => told(api.GET("/v1/routing/rules")) });

export function Rules() {
  const rules = useRules();
  const may = useMay("admin");
  const remove = useChange(
    (id: string) => told(api.DELETE("/v1/routing/rules/{id}", { params: { path: { id } } })),
    { says: "The rule is gone.", anew: [KEY] },
  );
  return (
    <div className="stack">
      <Card title="Rules" about="Calls follow the default rule, or one that they name in the header floopy-routing-rule">
        <Loaded of={rules}>
          {(data) => (data.items.length === 0
            ? <Empty title="No rule">Without one, <code>auto</code> goes to the model that has earned it. A rule fixes who serves.</Empty>
            : (
              <Plain label="Rules" head={["Name", "Strategy", "Models", "Against the default model", ""]} rows={data.items.map((one) => ({
                key: one.id,
                cells: [
                  <span key="n">{one.name} {one.default && <Tag tone="good">default</Tag>} {one.source !== "api" && <Tag>{one.source}</Tag>}</span>,
                  words(one.strategy),
                  <span key="m" className="wrap small">{one.models.map((model, at) => (one.weights.length > 0 ? `${model} (${one.weights[at]})` : model)).join(", ") || "all"}</span>,
                  <Verified key="v" rule={one.id} />,
                  one.source === "api" && may && (
                    <Sure key="d" action="Delete" danger size="compact-sm" busy={remove.isPending} go={() => remove.mutate(one.id)}>
                      Calls that name <strong>{one.name}</strong> are refused from about a second later.
                    </Sure>
                  ),
                ],
              }))} />
            ))}
        </Loaded>
      </Card>
      {may && <Make />}
    </div>
  );
}

function Verified({ rule }: { rule: string }) {
  const verified = useQuery({
    queryKey: ["verification", rule],
    queryFn: () => told(api.GET("/v1/optimization/verification", { params: { query: { route_id: rule, window: "7d" } } })),
  });
  return (
    <Loaded of={verified} lines={1}>
      {(data) => (
        <span className="row" style={{ gap: 6 }}>
          <Status of={data.status} />
          {data.delta.cost_pct !== null && (
            <span className="soft small num">
              cost {signed(data.delta.cost_pct / 100, (x) => percent(x))}, quality {signed(data.delta.quality_abs, quality)}; {count(data.floopy.samples)} at {usd(data.floopy.avg_cost_micro_usd)}
            </span>
          )}
        </span>
      )}
    </Loaded>
  );
}

function Make() {
  const names = useModelNames();
  const [name, setName] = useState("");
  const [strategy, setStrategy] = useState<Schemas["Strategy"]>("fallback");
  const [models, setModels] = useState<string[]>([]);
  const [weights, setWeights] = useState<Record<string, number | string>>({});
  const [isDefault, setDefault] = useState(false);
  const make = useChange(
    () => told(api.POST("/v1/routing/rules", {
      body: {
        name, strategy, models, default: isDefault,
        ...(strategy === "weighted" ? { weights: models.map((model) => Number(weights[model] ?? 1)) } : {}),
      },
    })),
    { says: "The rule is in force in about a second.", anew: [KEY], then: () => { setName(""); setModels([]); } },
  );
  return (
    <Card title="Make a rule">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
        <div className="pair">
          <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <NativeSelect label="Strategy" value={strategy} onChange={(event) => setStrategy(event.currentTarget.value as Schemas["Strategy"])}
            data={STRATEGIES.map((value) => ({ value, label: words(value) }))} />
        </div>
        <TagsInput label="Models" description="In their order; empty: all, where the strategy ranks" data={names} value={models} onChange={setModels} />
        {strategy === "weighted" && models.length > 0 && (
          <div className="pair">
            {models.map((model) => (
              <NumberInput key={model} label={`Weight of ${model}`} min={0} value={weights[model] ?? 1}
                onChange={(value) => setWeights({ ...weights, [model]: value })} />
            ))}
          </div>
        )}
        <Switch label="Calls that name no rule follow it" checked={isDefault} onChange={(event) => setDefault(event.currentTarget.checked)} />
        <div><Button type="submit" loading={make.isPending}>Make the rule</Button></div>
      </form>
    </Card>
  );
}
