// The proxies, the tenants and the queue, for whoever runs Floopy.
import { Button, PasswordInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { operator, told } from "../api/client";
import { ago, count, duration, moment } from "../lib/format";
import { useNow } from "../ui/hooks";
import { Card, Loaded, Page, Plain, Stat, Tag } from "../ui/parts";

const LIVE = 5_000;

/** Kept in this tab's memory alone: it is gone with it, and with a reload. */
export default function Fleet() {
  const [key, setKey] = useState("");
  return (
    <Page title="Fleet" about="For whoever runs Floopy: every proxy, every tenant, and what waits for a judge."
      actions={key && <Button variant="default" onClick={() => setKey("")}>Forget the key</Button>}>
      {key ? <Seen key={key} operatorKey={key} /> : <Ask use={setKey} />}
    </Page>
  );
}

function Ask({ use }: { use: (key: string) => void }) {
  const [text, setText] = useState("");
  return (
    <Card title="The operator's key" about="It sees all tenants, so no account has it. It stays in this tab's memory until you reload. A first start writes it to floopy-data/control/operator.key.">
      <form className="row end" onSubmit={(event) => { event.preventDefault(); use(text.trim()); }}>
        <PasswordInput label="Operator's key" value={text} onChange={(event) => setText(event.currentTarget.value)} autoComplete="off" required style={{ flex: "1 1 240px" }} />
        <Button type="submit">Look</Button>
      </form>
    </Card>
  );
}

function Seen({ operatorKey }: { operatorKey: string }) {
  const [client] = useState(() => operator(operatorKey));
  const now = useNow();
  const status = useQuery({ queryKey: ["operator", "status"], queryFn: () => told(client.GET("/v1/operator/status")), refetchInterval: LIVE, gcTime: 0 });
  const proxies = useQuery({ queryKey: ["operator", "proxies"], queryFn: () => told(client.GET("/v1/operator/proxies")), refetchInterval: LIVE, gcTime: 0 });
  const queue = useQuery({ queryKey: ["operator", "queue"], queryFn: () => told(client.GET("/v1/operator/queue")), refetchInterval: LIVE, gcTime: 0 });
  const tenants = useQuery({ queryKey: ["operator", "tenants"], queryFn: () => told(client.GET("/v1/operator/tenants", { params: { query: { limit: 200 } } })), refetchInterval: 30_000, gcTime: 0 });
  return (
    <Loaded of={status}>
      {(data) => (
        <div className="grid">
          <Stat label="Version" value={data.version} note={`since ${moment(data.started_at)}`} />
          <Stat label="Proxies" value={count(data.proxies.connected)} note={`${count(data.proxies.behind)} behind, ${count(data.proxies.refusing)} refusing a table`} />
          <Stat label="Tenants" value={count(data.tenants.total)} note={`${count(data.tenants.disabled)} switched off`} />
          <Stat label="Waiting for a judge" value={count(queue.data?.waiting)} note={`${count(queue.data?.dead)} given up, oldest ${duration((queue.data?.oldest_age_seconds ?? 0) * 1_000)}`} />
          <Card title="Proxies" about={`Newest snapshot ${data.snapshot_version}`}>
            <Loaded of={proxies}>
              {(list) => (
                <Plain label="Proxies" head={["Proxy", "State", "Version", { name: "Tables behind", right: true }, { name: "Events", right: true }, { name: "Last seen", right: true }]}
                  rows={list.items.map((one) => ({
                    key: one.id,
                    cells: [<span key="i" className="mono wrap">{one.id}</span>,
                      <span key="s" className="row" style={{ gap: 4 }}>
                        <Tag tone={one.connected ? "good" : "warn"}>{one.connected ? "connected" : "away"}</Tag>
                        {one.rejected.length > 0 && <Tag tone="bad">refuses {one.rejected.length}</Tag>}
                      </span>,
                      one.version ?? "–", count(one.tables_behind), count(one.events_received), ago(one.last_seen, now)],
                  }))} />
              )}
            </Loaded>
          </Card>
          <Card title="Tenants">
            <Loaded of={tenants}>
              {(list) => (
                <Plain label="Tenants" head={["Id", "Name", "Plan", "State", "From"]} rows={list.items.map((one) => ({
                  key: one.id,
                  cells: [<span key="i" className="mono">{one.id}</span>, one.name || "–", one.plan ?? "none",
                    <Tag key="s" tone={one.enabled ? "good" : "warn"}>{one.enabled ? "on" : "off"}</Tag>, one.source],
                }))} />
              )}
            </Loaded>
          </Card>
        </div>
      )}
    </Loaded>
  );
}
