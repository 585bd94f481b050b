// Sessions that were seen lately, and any other by its id.
import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import type { Schemas } from "../api/client";
import { ago, count, mean, quality, usd } from "../lib/format";
import { useNow, useRecent } from "../ui/hooks";
import { Card, Empty, Loaded, Page, Plain } from "../ui/parts";

const place = (id: string) => `/sessions/${encodeURIComponent(id)}`;

export default function Sessions() {
  const recent = useRecent(10_000);
  const navigate = useNavigate();
  const [id, setId] = useState("");
  return (
    <Page title="Sessions" about="What was said in a session, who answered each turn and why, and how it was rated."
      actions={(
        <form className="row end" onSubmit={(event) => { event.preventDefault(); if (id.trim()) void navigate(place(id.trim())); }}>
          <TextInput label="Session" placeholder="its id" value={id} onChange={(event) => setId(event.currentTarget.value)} />
          <Button type="submit" variant="default">Open</Button>
        </form>
      )}>
      <Card title="Lately" about="Sessions among the last 100 decisions">
        <Loaded of={recent} lines={8}>{(data) => <Lately decisions={data.items} />}</Loaded>
      </Card>
    </Page>
  );
}

function Lately({ decisions }: { decisions: Schemas["Decision"][] }) {
  const now = useNow();
  const inSession = decisions.filter((one) => one.session_id);
  const by = [...Map.groupBy(inSession, (one) => one.session_id ?? "")];
  if (by.length === 0) {
    return (
      <Empty title="No session yet" code={'-H "floopy-session-id: support-4711"'}>
        Calls that carry this header belong together, keep their model, and can be rated as a whole.
      </Empty>
    );
  }
  return (
    <Plain label="Sessions" head={["Session", "Models", { name: "Calls", right: true }, { name: "Judge", right: true },
      { name: "Rating", right: true }, { name: "Cost", right: true }, { name: "Last", right: true }]}
      rows={by.map(([session, calls]) => {
        const scores = calls.flatMap((one) => (one.judge ? [one.judge.composite] : []));
        return {
          key: session,
          cells: [
            <Link key="l" to={place(session)}>{session}</Link>,
            <span key="m" className="soft">{[...new Set(calls.map((one) => one.model ?? "nobody"))].join(", ")}</span>,
            count(calls.length), quality(mean(scores)), calls[0]?.session_score ?? "–",
            usd(calls.reduce((sum, one) => sum + (one.cost_micro_usd ?? 0), 0)), ago(calls[0]?.request_created_at, now),
          ],
        };
      })} />
  );
}
