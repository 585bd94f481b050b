// What people and judges say of replies.
import { Button } from "@mantine/core";
import { Link } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, mean, moment, quality } from "../lib/format";
import { useChange, useNow, useRecent } from "../ui/hooks";
import { Paged } from "../ui/paged";
import { Card, Empty, Loaded, Page, Plain, Status } from "../ui/parts";

type Given = Schemas["Given"];

const RATE = `curl ${location.protocol}//${location.hostname}:8080/v1/feedback \\
  -H "Authorization: Bearer $FLOOPY_API_KEY" -H "Content-Type: application/json" \\
  -d '{"session_id": "support-4711", "score": 9, "useful": true}'`;

export default function Feedback() {
  const now = useNow();
  const may = useMay("admin");
  const retract = useChange(
    async (one: Given) => {
      if (one.request_id) return told(api.DELETE("/v1/feedback/requests/{request_id}", { params: { path: { request_id: one.request_id } } }));
      return told(api.DELETE("/v1/feedback/{session_id}", { params: { path: { session_id: one.session_id ?? "" } } }));
    },
    { says: "The rating is taken back; routing forgets it within seconds.", anew: [["feedback"]] },
  );
  return (
    <Page title="Feedback and judges" about="Ratings of people decide in the end; the judge speaks until there are enough.">
      <div className="stack">
        <Judges />
        <Paged<Given> label="Ratings" queryKey={["feedback", "list"]} refresh={5_000}
          page={(cursor) => told(api.GET("/v1/feedback", { params: { query: { limit: 100, cursor } } }))}
          rowKey={(one) => `${one.session_id} ${one.request_id} ${one.rated_at}`}
          columns={[
            { name: "Of", width: "minmax(110px, 1.5fr)", cell: (one) => (
              <Link to={one.request_id ? `/decisions/${one.request_id}` : `/sessions/${encodeURIComponent(one.session_id ?? "")}`}>
                {one.session_id ?? one.request_id}
              </Link>
            ) },
            { name: "Kind", width: "90px", cell: (one) => (one.request_id ? "one reply" : "session"), wide: true },
            { name: "Score", width: "64px", cell: (one) => `${one.score} / 10`, right: true },
            { name: "Useful", width: "64px", cell: (one) => (one.useful ? "yes" : "no"), wide: true },
            { name: "Status", width: "100px", cell: (one) => <Status of={one.status} />, wide: true },
            { name: "When", width: "84px", cell: (one) => <span title={moment(one.rated_at)}>{ago(one.rated_at, now)}</span>, right: true },
            { name: "Change", width: "96px", right: true, wide: true, cell: (one) => may && (
              <Button size="compact-sm" variant="default" disabled={retract.isPending} onClick={() => retract.mutate(one)}>Take back</Button>
            ) },
          ]}
          empty={<Empty title="Nobody has rated anything yet" code={RATE}>One rating of a session, from 0 to 10, is all that routing needs from your users.</Empty>} />
      </div>
    </Page>
  );
}

function Judges() {
  const recent = useRecent(10_000);
  return (
    <Card title="Judges" about="Means over the last 100 decisions">
      <Loaded of={recent}>
        {(data) => {
          const scored = data.items.flatMap((one) => (one.judge ? [{ judge: one.judge, rating: one.request_score ?? one.session_score }] : []));
          const by = [...Map.groupBy(scored, (one) => one.judge.judge)];
          if (by.length === 0) return <p className="soft" style={{ margin: 0 }}>No reply was scored yet.</p>;
          return (
            <Plain label="Judges" head={["Judge", { name: "Replies", right: true }, { name: "Relevance", right: true }, { name: "Coherence", right: true },
              { name: "Helpfulness", right: true }, { name: "Safety", right: true }, { name: "Together", right: true }, { name: "People's mean", right: true }]}
              rows={by.map(([judge, all]) => ({
                key: judge,
                cells: [<span key="j" className="mono">{judge}</span>, count(all.length),
                  ...(["relevance", "coherence", "helpfulness", "safety", "composite"] as const).map((name) => quality(mean(all.map((one) => one.judge[name])))),
                  quality(mean(all.flatMap((one) => (one.rating === null ? [] : [one.rating / 10]))))],
              }))} />
          );
        }}
      </Loaded>
    </Card>
  );
}
