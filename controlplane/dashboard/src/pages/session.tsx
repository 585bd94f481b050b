// One session: what was said, who answered each turn, and the rating.
import { Button, Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, duration, moment, quality, usd } from "../lib/format";
import { DecisionPanel } from "../ui/decision";
import { useChange } from "../ui/hooks";
import { Card, Facts, Loaded, Page, Status } from "../ui/parts";
import { Sure } from "../ui/sure";

export default function Session() {
  const id = useParams().id ?? "";
  const [shown, setShown] = useState<string | null>(null);
  const said = useQuery({
    queryKey: ["session", id],
    queryFn: () => told(api.GET("/v1/session/{session_id}", { params: { path: { session_id: id } } })),
  });
  const decisions = useQuery({
    queryKey: ["decisions", "session", id],
    queryFn: () => told(api.GET("/v1/decisions", { params: { query: { session_id: id, limit: 200 } } })),
  });
  const ratings = useQuery({
    queryKey: ["feedback", "session", id],
    queryFn: () => told(api.GET("/v1/feedback", { params: { query: { session_id: id } } })),
  });
  return (
    <Page title={id} about={<Link to="/sessions">All sessions</Link>} actions={<Forget id={id} />}>
      <div className="grid">
        <Card span={7} title="Conversation">
          <Loaded of={said} lines={8}>
            {(data) => <Conversation of={data} decisions={decisions.data?.items ?? []} show={setShown} />}
          </Loaded>
        </Card>
        <div className="stack span-5">
          <Card title="Rating">
            <Loaded of={ratings} lines={2}>
              {(data) => (data.items.length === 0 ? <p className="soft">Nobody has rated it yet.</p> : (
                <div className="stack">
                  {data.items.map((one) => (
                    <Facts key={one.rated_at + String(one.request_id)} of={[
                      ["Score", `${one.score} of 10${one.useful ? ", useful" : ", not useful"}`],
                      ["Of", one.request_id ? "one reply" : "the session"],
                      ["When", moment(one.rated_at)],
                      ["Status", <Status key="s" of={one.status} />],
                    ]} />
                  ))}
                </div>
              ))}
            </Loaded>
          </Card>
          <Card title="Decisions">
            <Loaded of={decisions}>
              {(data) => (
                <ol className="steps">
                  {data.items.toReversed().map((one) => (
                    <li key={one.request_id}>
                      <Button variant="subtle" size="compact-sm" c="var(--accent)" onClick={() => setShown(one.request_id)}>{one.model ?? "nobody"}</Button>
                      <div className="soft small">
                        {usd(one.cost_micro_usd)}, {duration(one.latency_ms)}, judge {quality(one.judge?.composite)}
                      </div>
                      <div className="small">{one.explanation}</div>
                    </li>
                  ))}
                </ol>
              )}
            </Loaded>
          </Card>
        </div>
      </div>
      <Drawer opened={shown !== null} onClose={() => setShown(null)} position="right" size={760} title="Decision"
        closeButtonProps={{ "aria-label": "Close" }}>
        {shown && <DecisionPanel id={shown} />}
      </Drawer>
    </Page>
  );
}

/** Text of a message, whichever form its content has. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content === null || content === undefined ? "" : JSON.stringify(content, null, 2);
  return content.map((part: { text?: string; type?: string }) => part.text ?? `[${part.type ?? "part"}]`).join("\n");
}

function Conversation({ of, decisions, show }: {
  of: Schemas["Session"]; decisions: Schemas["Decision"][]; show: (id: string) => void;
}) {
  const messages = of.messages as { role?: string; content?: unknown; tool_calls?: unknown }[];
  // The answers of turns come last to first, so that what came with the first call is nobody's.
  const answered = messages.map((one, at) => ({ one, at })).filter(({ one }) => one.role === "assistant").map(({ at }) => at);
  const turns = of.turns;
  const turnAt = (at: number) => {
    const order = answered.indexOf(at);
    return order < 0 ? undefined : turns[order - (answered.length - turns.length)];
  };
  return (
    <div className="stack" style={{ gap: 10 }}>
      {of.truncated && <div className="note warn">Only part of it is kept.</div>}
      {messages.map((message, at) => {
        const turn = turnAt(at);
        const decision = decisions.find((one) => one.request_id === turn?.request_id);
        return (
          <div key={at} className={`turn ${message.role ?? ""}`}>
            <div className="who">
              <strong>{message.role}</strong>
              {turn && (
                <Button variant="subtle" size="compact-xs" c="var(--accent)" onClick={() => show(turn.request_id)}>
                  {turn.model}{decision ? `, judge ${quality(decision.judge?.composite)}` : ""}
                </Button>
              )}
            </div>
            {textOf(message.content)}
            {message.tool_calls ? <div className="code">{JSON.stringify(message.tool_calls, null, 2)}</div> : null}
          </div>
        );
      })}
      <p className="soft small">{count(of.turn_count)} turns</p>
    </div>
  );
}

function Forget({ id }: { id: string }) {
  const navigate = useNavigate();
  const may = useMay("owner");
  const forget = useChange(
    () => told(api.DELETE("/v1/session/{session_id}", { params: { path: { session_id: id } } })),
    { says: "What was said is forgotten.", anew: [["session"]], then: () => void navigate("/sessions") },
  );
  if (!may) return null;
  return (
    <Sure action="Forget what was said" danger busy={forget.isPending} go={() => forget.mutate(undefined)}>
      What was said in this session is deleted for good. Its decisions and ratings stay.
    </Sure>
  );
}
