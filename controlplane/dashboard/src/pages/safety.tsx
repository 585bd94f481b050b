// Stored replies and what they save; calls that look like attacks and what is done about them.
import { Button, NativeSelect, NumberInput, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, moment, percent, usd } from "../lib/format";
import { useChange } from "../ui/hooks";
import { Card, Facts, Loaded, Page } from "../ui/parts";
import { Sure } from "../ui/sure";

export default function Safety() {
  const cache = useQuery({ queryKey: ["cache"], queryFn: () => told(api.GET("/v1/cache")), refetchInterval: 10_000 });
  const firewall = useQuery({ queryKey: ["firewall"], queryFn: () => told(api.GET("/v1/firewall")), refetchInterval: 10_000 });
  return (
    <Page title="Cache and firewall" about="Replies that are given again, and calls that are looked at before anybody answers.">
      <div className="grid">
        <Card span={6} title="Cache"><Loaded of={cache}>{(data) => <Cache of={data} />}</Loaded></Card>
        <Card span={6} title="Firewall"><Loaded of={firewall}>{(data) => <Firewall of={data} />}</Loaded></Card>
      </div>
    </Page>
  );
}

function Cache({ of }: { of: Schemas["Cache"] }) {
  const may = useMay("admin");
  const [days, setDays] = useState<number | string>(of.ttl_seconds / 86_400);
  const set = useChange((body: Schemas["CacheInput"]) => told(api.PUT("/v1/cache", { body })), { says: "The cache is set.", anew: [["cache"]] });
  const flush = useChange(() => told(api.POST("/v1/cache/flush", { body: {} })), { says: "What was stored is not given any more.", anew: [["cache"]] });
  const { month, semantic } = of;
  const now = { enabled: of.enabled, ttl_seconds: of.ttl_seconds, semantic };
  return (
    <div className="stack">
      <Facts of={[
        ["Hits this month", `${count(month.hits)} of ${count(month.hits + month.misses)} (${percent(month.hit_rate)})`],
        ["Saved", `${usd(month.saved_micro_usd)}, ${count(month.saved_tokens)} tokens`],
        ["In other words", semantic.mode === "off" ? "off" : `${semantic.mode}: ${count(month.semantic_hits)} hits, ${percent(month.semantic_wrong_rate)} of those compared were wrong`],
        ["Last flushed", moment(of.flushed_at)],
      ]} />
      <Switch label="Calls that say nothing use the cache" checked={of.enabled} disabled={!may || set.isPending}
        onChange={(event) => set.mutate({ ...now, enabled: event.currentTarget.checked })} />
      <NativeSelect label="The same question in other words" value={semantic.mode} disabled={!may || set.isPending}
        data={[...new Set(["off", "shadow", "on", semantic.mode])]} onChange={(event) => set.mutate({ ...now, semantic: { ...semantic, mode: event.currentTarget.value } })} />
      <form className="row end" onSubmit={(event) => { event.preventDefault(); set.mutate({ ...now, ttl_seconds: Math.round(Number(days) * 86_400) }); }}>
        <NumberInput label="Replies are given for, in days" min={0} decimalScale={3} value={days} onChange={setDays} disabled={!may} />
        <Button type="submit" variant="default" disabled={!may}>Set</Button>
      </form>
      {may && <div><Sure action="Flush" danger busy={flush.isPending} go={() => flush.mutate(undefined)}>Every stored reply is forgotten, at every proxy.</Sure></div>}
    </div>
  );
}

const MODES = [
  { value: "off", label: "Off" },
  { value: "log", label: "Mark calls that look like attacks" },
  { value: "block", label: "Refuse calls that look like attacks" },
];

const REPLIES = [
  { value: "off", label: "Nothing" },
  { value: "log", label: "Mark them" },
  { value: "block", label: "Keep them from callers" },
];

function Firewall({ of }: { of: Schemas["Firewall"] }) {
  const may = useMay("admin");
  const set = useChange((body: Schemas["FirewallInput"]) => told(api.PUT("/v1/firewall", { body })), { says: "The firewall is set.", anew: [["firewall"]] });
  const { month } = of;
  const now = { mode: of.mode, on_failure: of.on_failure, threshold: of.threshold, allow_list: of.allow_list, roles: of.roles, scrub: of.scrub, output: of.output, redact: of.redact } as Schemas["FirewallInput"];
  return (
    <div className="stack">
      <Facts of={[
        ["Looked at this month", count(month.scanned)],
        ["Marked", count(month.flagged)],
        ["Refused", count(month.blocked)],
        ["Not looked at in time", count(month.skipped)],
        ["Replies looked at", count(month.output_scanned)],
        ["Gave something away", `${count(month.output_flagged)}, ${count(month.output_blocked)} kept back`],
        ["Texts of", of.roles.join(", ")],
        ["Phrases let pass", count(of.allow_list.length)],
      ]} />
      <NativeSelect label="What is done" data={MODES} value={of.mode} disabled={!may || set.isPending}
        onChange={(event) => set.mutate({ ...now, mode: event.currentTarget.value })} />
      <NativeSelect label="A call that cannot be looked at in time" value={of.on_failure} disabled={!may || set.isPending}
        data={[{ value: "allow", label: "passes" }, { value: "refuse", label: "is refused" }]}
        onChange={(event) => set.mutate({ ...now, on_failure: event.currentTarget.value })} />
      <NativeSelect label="Replies that give away system prompts, secrets or personal data" data={REPLIES} value={of.output.mode} disabled={!may || set.isPending}
        onChange={(event) => set.mutate({ ...now, output: { ...of.output, mode: event.currentTarget.value } })} />
      <Switch label="Providers are sent what users and tools say without personal data and secrets" checked={of.redact === "on"} disabled={!may || set.isPending}
        onChange={(event) => set.mutate({ ...now, redact: event.currentTarget.checked ? "on" : "off" })} />
      <p className="soft small" style={{ margin: 0 }}>It finds less than half of the attacks that are like none it has seen. Do not make it your only wall.</p>
    </div>
  );
}
