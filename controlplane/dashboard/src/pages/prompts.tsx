// Stored prompts: their versions, and what changed between them.
import { Button, Drawer, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, moment } from "../lib/format";
import { useChange, useNow } from "../ui/hooks";
import { Paged } from "../ui/paged";
import { Card, Empty, Loaded, Page } from "../ui/parts";
import { Sure } from "../ui/sure";

export default function Prompts() {
  const { id } = useParams();
  const navigate = useNavigate();
  const now = useNow();
  const may = useMay("member");
  return (
    <Page title="Prompts" about="Messages that calls name instead of sending them. A saved version is live at once.">
      <div className="stack">
        <Paged<Schemas["Prompt"]> label="Prompts" queryKey={["prompts"]} chosen={id} rowKey={(one) => one.id}
          page={(cursor) => told(api.GET("/v1/prompts", { params: { query: { limit: 50, cursor } } }))}
          open={(one) => void navigate(`/prompts/${one.id}`)}
          columns={[
            { name: "Name", width: "minmax(120px, 1.4fr)", cell: (one) => one.name },
            { name: "What for", width: "minmax(120px, 2fr)", cell: (one) => one.description ?? "–", wide: true },
            { name: "Version", width: "70px", cell: (one) => one.latest_version, right: true },
            { name: "Changed", width: "90px", cell: (one) => ago(one.updated_at, now), right: true },
          ]}
          empty={<Empty title="No prompt yet">{may ? "Save the first one below; calls name it in the header floopy-prompt-id." : "A member may save one."}</Empty>} />
        {may && <Save />}
      </div>
      <Drawer opened={Boolean(id)} onClose={() => void navigate("/prompts")} position="right" size={760} title="Prompt"
        closeButtonProps={{ "aria-label": "Close" }}>
        {id && <One key={id} id={id} />}
      </Drawer>
    </Page>
  );
}

function Save() {
  const [name, setName] = useState("");
  const [system, setSystem] = useState("");
  const [user, setUser] = useState("");
  const save = useChange(
    () => told(api.POST("/v1/prompts", {
      body: {
        name,
        messages: [{ role: "system" as const, content: system }, { role: "user" as const, content: user }].filter((one) => one.content),
      },
    })),
    { says: "Saved, and live.", anew: [["prompts"]], then: () => { setName(""); setSystem(""); setUser(""); } },
  );
  return (
    <Card title="Save a prompt" about="{{name}} stands for an input of the call">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Textarea label="System" autosize minRows={2} value={system} onChange={(event) => setSystem(event.currentTarget.value)} />
        <Textarea label="User" autosize minRows={2} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
        <div><Button type="submit" variant="default" loading={save.isPending} disabled={!system && !user}>Save</Button></div>
      </form>
    </Card>
  );
}

function One({ id }: { id: string }) {
  const path = { id };
  const prompt = useQuery({ queryKey: ["prompts", "one", id], queryFn: () => told(api.GET("/v1/prompts/{id}", { params: { path } })) });
  const versions = useQuery({
    queryKey: ["prompts", "versions", id],
    queryFn: () => told(api.GET("/v1/prompts/{id}/versions", { params: { path, query: { limit: 200 } } })),
  });
  return (
    <Loaded of={prompt} lines={8}>
      {(one) => (
        <div className="stack">
          <h2 style={{ margin: 0, fontSize: 19 }} className="wrap">{one.name}</h2>
          {(one.latest?.messages ?? []).map((message, at) => (
            <div key={at} className={`turn ${message.role}`}><div className="who"><strong>{message.role}</strong></div>{message.content}</div>
          ))}
          <Change key={one.latest_version} id={id} latest={one.latest_version} messages={one.latest?.messages ?? []} />
          <Loaded of={versions}>{(data) => <Versions id={id} of={data.items} latest={one.latest_version} />}</Loaded>
        </div>
      )}
    </Loaded>
  );
}

function Change({ id, messages }: { id: string; latest: number; messages: Schemas["PromptMessage"][] }) {
  const may = useMay("member");
  const [open, setOpen] = useState(false);
  const [texts, setTexts] = useState(messages.map((one) => one.content));
  const save = useChange(
    () => told(api.POST("/v1/prompts/{id}/versions", {
      params: { path: { id } }, body: { messages: messages.map((one, at) => ({ role: one.role, content: texts[at] ?? "" })) },
    })),
    { says: "The new version is live.", anew: [["prompts"]] },
  );
  if (!may) return null;
  if (!open) return <div><Button variant="default" onClick={() => setOpen(true)}>Change it</Button></div>;
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      {messages.map((one, at) => (
        <Textarea key={at} label={one.role} autosize minRows={2} value={texts[at]}
          onChange={(event) => setTexts(texts.with(at, event.currentTarget.value))} />
      ))}
      <div className="row"><Button type="submit" loading={save.isPending}>Save a version</Button><Button variant="default" onClick={() => setOpen(false)}>Leave it</Button></div>
    </form>
  );
}

function Versions({ id, of, latest }: { id: string; of: Schemas["PromptVersion"][]; latest: number }) {
  const may = useMay("member");
  const [to, setTo] = useState(String(latest));
  const shown = of.find((one) => String(one.version) === to);
  const diff = useQuery({
    queryKey: ["prompts", "diff", id, to],
    queryFn: () => told(api.GET("/v1/prompts/{id}/diff", { params: { path: { id }, query: { to: Number(to) } } })),
  });
  const restore = useChange(
    (version: number) => told(api.POST("/v1/prompts/{id}/versions/{version}/restore", { params: { path: { id, version } } })),
    { says: "The older version is live again, as a new one.", anew: [["prompts"]] },
  );
  return (
    <div className="stack">
      <div className="row end">
        <NativeSelect label="What changed in version" value={to} onChange={(event) => setTo(event.currentTarget.value)}
          data={of.map((one) => String(one.version))} />
        {may && Number(to) !== latest && (
          <Sure action="Restore" busy={restore.isPending} go={() => restore.mutate(Number(to))}>Version {to} becomes the newest, and live.</Sure>
        )}
      </div>
      {shown && <div className="soft small">Saved {moment(shown.created_at)} by {shown.author}{shown.note ? `: ${shown.note}` : ""}</div>}
      <Loaded of={diff}>
        {(data) => (
          <div className="diff" role="group" aria-label="What changed">
            {data.lines.map((line, at) => (
              <div key={at} className={line.op}>{line.op === "insert" ? "+ " : line.op === "delete" ? "− " : "  "}{line.line}</div>
            ))}
          </div>
        )}
      </Loaded>
    </div>
  );
}
