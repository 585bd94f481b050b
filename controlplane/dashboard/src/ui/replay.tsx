// A recorded call decided again under other constraints. Nobody is called.
import { Button, NumberInput, TagsInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { quality, signed, usd, words } from "../lib/format";
import { saying } from "./constraints";
import { Facts, ModelName, Trouble } from "./parts";

export function ReplayForm({ decision }: { decision: Schemas["Decision"] }) {
  const [deny, setDeny] = useState<string[]>([]);
  const [cost, setCost] = useState<number | string>("");
  const [latency, setLatency] = useState<number | string>("");
  const may = useMay("member");
  const replay = useMutation({
    mutationFn: () => told(api.POST("/v1/routing/replay", {
      body: {
        request_id: decision.shadow_of ?? decision.request_id,
        constraints: saying({
          deny_models: deny,
          max_cost_micro_usd: typeof cost === "number" ? Math.round(cost * 1_000_000) : null,
          max_latency_ms: typeof latency === "number" ? latency : null,
        }),
      },
    })),
  });
  const names = decision.candidates.map((one) => one.model);
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); replay.mutate(); }}>
      <p className="soft" style={{ margin: 0 }}>
        What would have happened under other constraints, from the record alone. They stand in place of all that are in force.
      </p>
      <TagsInput label="Models that may not serve" data={names} value={deny} onChange={setDeny} placeholder="Choose or type" />
      <div className="row" style={{ alignItems: "flex-start" }}>
        <NumberInput label="Forecast at most, in $" value={cost} onChange={setCost} min={0} decimalScale={6} step={0.001} style={{ flex: 1 }} />
        <NumberInput label="Latency at most, in ms" value={latency} onChange={setLatency} min={1} style={{ flex: 1 }} />
      </div>
      <div><Button type="submit" loading={replay.isPending} disabled={!may}>Decide again</Button></div>
      {!may && <p className="soft small" style={{ margin: 0 }}>Your role only reads.</p>}
      {replay.error && <Trouble error={replay.error} />}
      {replay.data && <Replayed of={replay.data} />}
    </form>
  );
}

function Replayed({ of }: { of: Schemas["Replay"] }) {
  if (!of.replayed) return <div className="note warn">{of.not_reproducible_because ?? "It cannot be decided again."}</div>;
  return (
    <div className="card" role="status" data-testid="replayed">
      <h3 style={{ margin: "0 0 8px", fontSize: 15 }}>{of.changed ? "Another one would serve" : "The same one would serve"}</h3>
      <Facts of={[
        ["Then", <ModelName key="o" of={of.original.winner} />],
        ["Now", <span key="r"><ModelName of={of.replayed.winner} /> <span className="soft">({words(of.replayed.reason)})</span></span>],
        ["Quality", signed(of.delta?.winner_quality, quality)],
        ["Forecast", signed(of.delta?.winner_cost_micro_usd, usd)],
        ["The record", of.reproducible ? "gives the same decision again, to the last bit" : (of.not_reproducible_because ?? "gives another decision")],
      ]} />
    </div>
  );
}
