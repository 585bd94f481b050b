// What people and judges say of replies.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, mean, moment, percent, quality } from "../lib/format";
import { useChange, useNow } from "../ui/hooks";
import { Interval } from "../ui/interval";
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
        <Agreement />
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

/** Whole decisions, as only they say each of a judge's scores: asked seldom. */
const JUDGED = 60_000;

function Judges() {
  const recent = useQuery({
    queryKey: ["decisions", "judged"],
    queryFn: () => told(api.GET("/v1/decisions", { params: { query: { limit: 100 } } })),
    refetchInterval: JUDGED,
  });
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

const SAYS: Record<Schemas["JudgeAgreement"]["status"], string> = {
  insufficient_data: "Too few replies were both scored and rated to say.",
  agrees: "What the judge likes, people like.",
  weak: "The judge and people agree a little.",
  disagrees: "The judge surely disagrees with people, so its scores count for less.",
};

function Agreement() {
  const found = useQuery({ queryKey: ["agreement"], queryFn: () => told(api.GET("/v1/judge/agreement")), refetchInterval: JUDGED });
  return (
    <Card title="Does the judge agree with people?" about="Rank correlation of its scores with ratings, -1 to 1">
      <Loaded of={found} lines={3}>
        {(data) => (
          <div className="stack">
            <div className="row"><Status of={data.status} /> <span className="soft">{SAYS[data.status]} It keeps {percent(data.weight_factor)} of its weight in routing.</span></div>
            <Plain label="Agreement" head={["Pairs of", { name: "Known", right: true }, `Spearman, ${percent(data.interval_level)}`, { name: "Mean", right: true },
              { name: "Kendall", right: true }, { name: "Distance", right: true }]}
              rows={([["Replies", data.replies], ["Sessions", data.sessions]] as const).map(([name, pairs]) => ({
                key: name,
                cells: [name, pairs.n < data.least_pairs ? `${count(pairs.n)} of ${count(data.least_pairs)} needed` : count(pairs.n),
                  pairs.rho ? <Interval key="i" of={{ mean: pairs.rho.value, ...pairs.rho }} scale={{ from: -1, to: 1 }} strong zero /> : "–",
                  quality(pairs.rho?.value), quality(pairs.tau?.value), quality(pairs.calibration_error)],
              }))} />
          </div>
        )}
      </Loaded>
    </Card>
  );
}
