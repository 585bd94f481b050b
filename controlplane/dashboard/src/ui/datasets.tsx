// Data sets: made of lines, looked at, added to, and deleted.
import { Button, Drawer, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { ago, count, moment } from "../lib/format";
import { useChange, useNow } from "./hooks";
import { Paged } from "./paged";
import { Card, Empty, Facts, Loaded, Trouble } from "./parts";
import { Sure } from "./sure";

type Dataset = Schemas["Dataset"];
type Row = Schemas["Row"];

export function Datasets({ id }: { id: string | undefined }) {
  const navigate = useNavigate();
  const now = useNow();
  const may = useMay("member");
  return (
    <div className="stack">
      <Paged<Dataset> label="Data sets" queryKey={["datasets", "list"]} chosen={id} rowKey={(one) => one.id}
        page={(cursor) => told(api.GET("/v1/datasets", { params: { query: { limit: 50, cursor } } }))}
        open={(one) => void navigate(`/evaluations/datasets/${one.id}`)}
        columns={[
          { name: "Name", width: "minmax(120px, 1.4fr)", cell: (one) => one.name },
          { name: "What for", width: "minmax(120px, 2fr)", cell: (one) => one.description ?? "–", wide: true },
          { name: "Rows", width: "70px", cell: (one) => count(one.row_count), right: true },
          { name: "Made", width: "88px", cell: (one) => ago(one.created_at, now), right: true },
        ]}
        empty={<Empty title="No data set yet">{may ? "Make the first one below: a question in each line is enough." : "A member may make one."}</Empty>} />
      {may && <Make />}
      <Drawer opened={Boolean(id)} onClose={() => void navigate("/evaluations/datasets")} position="right" size={760} title="Data set"
        closeButtonProps={{ "aria-label": "Close" }}>
        {id && <One key={id} id={id} />}
      </Drawer>
    </div>
  );
}

/** A row of each line: an object as the API has it, or the question itself. */
function rowsOf(lines: string): Schemas["RowInput"][] {
  const wanted = lines.split("\n").map((line) => line.trim()).filter(Boolean);
  return wanted.map((line, at) => {
    if (!line.startsWith("{")) return { input: line };
    try {
      return JSON.parse(line) as Schemas["RowInput"];
    } catch {
      throw new Error(`Line ${at + 1} begins with { and is no JSON.`);
    }
  });
}

const ABOUT = "A question in each line, or a JSON object: {\"input\": \"2 + 2?\", \"expected\": \"4\"}, {\"messages\": […]}, {\"inputs\": {…}} for a prompt.";

function Make() {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [lines, setLines] = useState("");
  const make = useChange(
    async () => told(api.POST("/v1/datasets", { body: { name, rows: rowsOf(lines) } })),
    { says: "The data set is made.", anew: [["datasets"]], then: (made) => { setName(""); setLines(""); void navigate(`/evaluations/datasets/${made.id}`); } },
  );
  return (
    <Card title="Make a data set">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
        <TextInput label="Name" required maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Textarea label="Rows" description={ABOUT} required autosize minRows={4} maxRows={14} value={lines} onChange={(event) => setLines(event.currentTarget.value)} />
        {make.error && <Trouble error={make.error} />}
        <div><Button type="submit" variant="default" loading={make.isPending}>Make it</Button></div>
      </form>
    </Card>
  );
}

const asked = (row: Row) => row.input ?? (row.messages ? row.messages.map((one) => String(one.content)).join(" · ") : JSON.stringify(row.inputs));
const expected = (row: Row) => (row.expected === undefined ? "–" : typeof row.expected === "string" ? row.expected : JSON.stringify(row.expected));

function One({ id }: { id: string }) {
  const navigate = useNavigate();
  const may = useMay("member");
  const path = { id };
  const found = useQuery({ queryKey: ["datasets", "one", id], queryFn: () => told(api.GET("/v1/datasets/{id}", { params: { path } })) });
  const remove = useChange(() => told(api.DELETE("/v1/datasets/{id}", { params: { path } })),
    { says: "The data set is gone.", anew: [["datasets"], ["evaluations"]], then: () => void navigate("/evaluations/datasets") });
  return (
    <Loaded of={found} lines={6}>
      {(one) => (
        <div className="stack">
          <h2 style={{ margin: 0, fontSize: 19 }} className="wrap">{one.name}</h2>
          <Facts of={[["Rows", count(one.row_count)], ["Size", `${count(Math.ceil(one.bytes / 1_024))} KiB`], ["Made", moment(one.created_at)], ["Changed", moment(one.updated_at)]]} />
          <Paged<Row> label="Rows" queryKey={["datasets", "rows", id]} rowKey={(row) => row.id}
            page={(cursor) => told(api.GET("/v1/datasets/{id}/rows", { params: { path, query: { limit: 100, cursor } } }))}
            columns={[
              { name: "Row", width: "minmax(70px, 0.7fr)", cell: (row) => row.id },
              { name: "Asked", width: "minmax(120px, 2fr)", cell: asked },
              { name: "Expected", width: "minmax(70px, 1fr)", cell: expected },
            ]}
            empty={<Empty title="No row">Add what is to be asked below.</Empty>} />
          {may && <Append id={id} />}
          {may && (
            <div><Sure action="Delete the data set" danger busy={remove.isPending} go={() => remove.mutate(undefined)}>
              Its rows go with it, and evaluations that are asking it fail. Results that are there stay.
            </Sure></div>
          )}
        </div>
      )}
    </Loaded>
  );
}

function Append({ id }: { id: string }) {
  const [lines, setLines] = useState("");
  const append = useChange(
    async () => told(api.POST("/v1/datasets/{id}/rows", { params: { path: { id } }, body: rowsOf(lines) as Record<string, never>[] })),
    { says: "The rows are there; those that were already are not there twice.", anew: [["datasets"]], then: () => setLines("") },
  );
  return (
    <form className="stack" onSubmit={(event) => { event.preventDefault(); append.mutate(undefined); }}>
      <Textarea label="Add rows" description={ABOUT} required autosize minRows={2} maxRows={10} value={lines} onChange={(event) => setLines(event.currentTarget.value)} />
      {append.error && <Trouble error={append.error} />}
      <div><Button type="submit" variant="default" loading={append.isPending}>Add</Button></div>
    </form>
  );
}
