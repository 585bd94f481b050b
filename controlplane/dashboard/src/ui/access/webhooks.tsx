// Who is told of what happens, and what they were sent.
import { Button, MultiSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { ago, count, words } from "../../lib/format";
import { useChange, useNow } from "../hooks";
import { Card, Empty, Loaded, Plain, Status, Tag } from "../parts";
import { Sure } from "../sure";
import { Secret } from "./secret";

const EVENTS: Schemas["Event"][] = ["security_alert", "alert_triggered", "budget_exceeded", "budget_warning", "model_promoted", "model_rolled_back"];

export function Webhooks() {
  const list = useQuery({ queryKey: ["webhooks"], queryFn: () => told(api.GET("/v1/webhooks")) });
  const may = useMay("admin");
  return (
    <div className="stack">
      <Loaded of={list}>
        {(data) => (data.items.length === 0
          ? <div className="card"><Empty title="Nobody is told yet">A webhook is told of attacks, budgets and promotions, signed, at least once.</Empty></div>
          : data.items.map((one) => <One key={one.id} of={one} />))}
      </Loaded>
      {may && <Make />}
    </div>
  );
}

function One({ of }: { of: Schemas["Webhook"] }) {
  const may = useMay("admin");
  const now = useNow();
  const path = { id: of.id };
  const sent = useQuery({
    queryKey: ["webhooks", "sent", of.id],
    queryFn: () => told(api.GET("/v1/webhooks/{id}/deliveries", { params: { path, query: { limit: 10 } } })),
    refetchInterval: 5_000,
  });
  const test = useChange(() => told(api.POST("/v1/webhooks/{id}/test", { params: { path } })), { says: "A test is on its way.", anew: [["webhooks"]] });
  const flip = useChange(() => told(api.PATCH("/v1/webhooks/{id}", { params: { path }, body: { active: !of.active } })), { anew: [["webhooks"]] });
  const remove = useChange(() => told(api.DELETE("/v1/webhooks/{id}", { params: { path } })), { says: "The webhook is gone.", anew: [["webhooks"]] });
  const again = useChange(
    (delivery: string) => told(api.POST("/v1/webhooks/{id}/deliveries/{delivery}/redeliver", { params: { path: { id: of.id, delivery } } })),
    { says: "It is sent once more.", anew: [["webhooks"]] },
  );
  const actions = may && (
    <div className="row">
      <Button size="compact-sm" variant="default" disabled={!of.active} onClick={() => test.mutate(undefined)}>Send a test</Button>
      <Button size="compact-sm" variant="default" onClick={() => flip.mutate(undefined)}>{of.active ? "Switch off" : "Switch on"}</Button>
      <Sure action="Delete" danger size="compact-sm" busy={remove.isPending} go={() => remove.mutate(undefined)}>Nothing is sent to {of.url} any more.</Sure>
    </div>
  );
  return (
    <Card title={<span className="wrap">{of.url} <Tag tone={of.active ? "good" : "warn"}>{of.active ? "on" : "off"}</Tag></span>}
      about={of.events.map(words).join(", ")} actions={actions}>
      <Loaded of={sent} lines={2}>
        {(data) => (data.items.length === 0 ? <p className="soft" style={{ margin: 0 }}>Nothing was sent in the last days.</p> : (
          <Plain label={`Sent to ${of.url}`} head={["Event", "Status", { name: "Attempts", right: true }, "Last answer", { name: "When", right: true }, ""]}
            rows={data.items.map((one) => ({
              key: one.delivery_id,
              cells: [words(one.event), <Status key="s" of={one.status} />, count(one.attempts), one.last_error ?? one.last_status ?? "–", ago(one.created_at, now),
                may && one.status === "failed" && <Button key="r" size="compact-sm" variant="default" disabled={!of.active} onClick={() => again.mutate(one.delivery_id)}>Again</Button>],
            }))} />
        ))}
      </Loaded>
    </Card>
  );
}

function Make() {
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<string[]>(EVENTS);
  const [secret, setSecret] = useState<string | null>(null);
  const make = useChange(() => told(api.POST("/v1/webhooks", { body: { url, active: true, events: events as Schemas["Event"][] } })), {
    anew: [["webhooks"]],
    then: (made) => { setUrl(""); setSecret(made.secret ?? null); },
  });
  return (
    <Card title="Make a webhook">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
        <TextInput label="Address" type="url" placeholder="https://example.com/floopy" required value={url} onChange={(event) => setUrl(event.currentTarget.value)} />
        <MultiSelect label="Told of" data={EVENTS.map((value) => ({ value, label: words(value) }))} value={events} onChange={setEvents} />
        <div><Button type="submit" variant="default" loading={make.isPending} disabled={events.length === 0}>Make it</Button></div>
      </form>
      <Secret value={secret} name="The secret that signs deliveries" close={() => setSecret(null)} />
    </Card>
  );
}
