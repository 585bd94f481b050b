// A conversation through the proxy, and beside it who answered and why.
import { Button, NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, people, Refusal, told, type ChatMessage } from "../api/client";
import { DecisionPanel } from "../ui/decision";
import { useChange, useModelNames } from "../ui/hooks";
import { Card, Empty, Page, Trouble } from "../ui/parts";

/** How long a decision takes from the proxy to here, in tries of half a second. */
const TRIES = 20;

interface Turn extends ChatMessage {
  /** The call that it is the reply of. */
  call?: string;
  model?: string;
}

/** The key is kept in this tab's memory alone: it is gone with it, and with a reload. */
export default function Playground() {
  const [key, setKey] = useState("");
  return (
    <Page title="Playground" about="Ask through the proxy, as an application does, and see who answered and why."
      actions={key && <Button variant="default" onClick={() => setKey("")}>Forget the key</Button>}>
      {key ? <Talk apiKey={key} /> : <Ask use={setKey} />}
    </Page>
  );
}

function Ask({ use }: { use: (key: string) => void }) {
  const [text, setText] = useState("");
  return (
    <Card title="An API key" about="Calls are made with it, and are paid for and learned from like any other. It stays in this tab's memory until you reload.">
      <form className="row end" onSubmit={(event) => { event.preventDefault(); use(text.trim()); }}>
        <PasswordInput label="API key" placeholder="fl_…" value={text} onChange={(event) => setText(event.currentTarget.value)} autoComplete="off" required style={{ flex: "1 1 240px" }} />
        <Button type="submit">Use it</Button>
      </form>
    </Card>
  );
}

function Talk({ apiKey }: { apiKey: string }) {
  const names = useModelNames();
  const [model, setModel] = useState("auto");
  const [system, setSystem] = useState("");
  const [text, setText] = useState("");
  const [turns, setTurns] = useState<Turn[]>([]);
  const [chosen, setChosen] = useState<string | null>(null);
  const ask = useChange(
    async (said: string) => {
      const asked: Turn[] = [...turns, { role: "user", content: said }];
      const messages = asked.map(({ role, content }) => ({ role, content }));
      const reply = await people.chat(apiKey, model, system.trim() ? [{ role: "system", content: system }, ...messages] : messages);
      return { asked, reply };
    },
    {
      then: ({ asked, reply }) => {
        setTurns([...asked, { role: "assistant", content: reply.content, call: reply.call, model: reply.model }]);
        setChosen(reply.call ?? null);
        setText("");
      },
    },
  );
  const begin = () => { setTurns([]); setChosen(null); };
  return (
    <div className="grid">
      <div className="stack span-6">
        <Card title="Conversation" actions={turns.length > 0 && <Button size="compact-sm" variant="default" onClick={begin}>Begin anew</Button>}>
          <div className="stack" aria-live="polite">
            {turns.length === 0 && <p className="soft" style={{ margin: 0 }}>Ask something below.</p>}
            {turns.map((turn, at) => (
              <div key={at} className={`turn ${turn.role}`}>
                <div className="who">
                  <strong>{turn.role}</strong> {turn.model}
                  {turn.call && <Button size="compact-xs" variant="subtle" c="var(--accent)" aria-pressed={turn.call === chosen} onClick={() => setChosen(turn.call ?? null)}>Why this one?</Button>}
                </div>
                {turn.content}
              </div>
            ))}
          </div>
        </Card>
        <Card>
          <form className="stack" onSubmit={(event) => { event.preventDefault(); if (text.trim()) ask.mutate(text.trim()); }}>
            <div className="pair">
              <NativeSelect label="Model" value={model} onChange={(event) => setModel(event.currentTarget.value)} data={[{ value: "auto", label: "auto: the router" }, ...names]} />
              <TextInput label="System" placeholder="You are a helpful assistant." value={system} onChange={(event) => setSystem(event.currentTarget.value)} />
            </div>
            <Textarea label="Your message" autosize minRows={3} maxRows={12} required value={text} onChange={(event) => setText(event.currentTarget.value)} />
            {ask.error && <Trouble error={ask.error} />}
            <div><Button type="submit" loading={ask.isPending}>Send</Button></div>
          </form>
        </Card>
      </div>
      <div className="span-6">
        <Card title="Who answered, and why">
          {chosen ? <Why key={chosen} id={chosen} /> : <Empty title="No reply chosen">Every reply is a decision: its candidates, what is believed of them, and what the draw was made with are shown here.</Empty>}
        </Card>
      </div>
    </div>
  );
}

/** A decision is here a moment after its reply. */
function Why({ id }: { id: string }) {
  const arrived = useQuery({
    queryKey: ["decisions", "arrived", id],
    queryFn: () => told(api.GET("/v1/decisions/{request_id}", { params: { path: { request_id: id } } })),
    retry: (times, error) => error instanceof Refusal && error.status === 404 && times < TRIES,
    retryDelay: 500,
  });
  if (arrived.error) return <Trouble error={arrived.error} retry={() => void arrived.refetch()} />;
  if (!arrived.data) return <p className="soft" role="status">The decision is on its way.</p>;
  return <DecisionPanel id={id} />;
}
