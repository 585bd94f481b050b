// Providers that are called with the tenant's own keys, and projects that calls are counted for.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "../../api/client";
import { useMay } from "../../api/session";
import { moment } from "../../lib/format";
import { useChange } from "../hooks";
import { Card, Empty, Loaded, Plain, Tag } from "../parts";
import { Sure } from "../sure";

export function Providers() {
  const list = useQuery({ queryKey: ["providers"], queryFn: () => told(api.GET("/v1/providers")) });
  const may = useMay("admin");
  const remove = useChange((name: string) => told(api.DELETE("/v1/providers/{name}", { params: { path: { name } } })), { says: "The credential is gone.", anew: [["providers"]] });
  return (
    <div className="stack">
      <Card title="Your own credentials at providers" about="They come before those of whoever runs Floopy, and are sealed wherever they rest.">
        <Loaded of={list}>
          {(data) => (data.items.length === 0
            ? <Empty title="None of your own">Calls use the keys that Floopy was started with. Set one here to use your own account.</Empty>
            : (
              <Plain label="Providers" head={["Provider", "Ends in", "At", "Changed", ""]} rows={data.items.map((one) => ({
                key: one.id,
                cells: [one.id, <span key="h" className="mono">…{one.hint}</span>, one.base_url ?? one.region ?? "the usual address", moment(one.updated_at),
                  may && <Sure key="d" action="Delete" danger size="compact-sm" busy={remove.isPending} go={() => remove.mutate(one.id)}>Calls use the shared credential again, if there is one.</Sure>],
              }))} />
            ))}
        </Loaded>
      </Card>
      {may && <SetProvider />}
    </div>
  );
}

function SetProvider() {
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const set = useChange(
    () => told(api.PUT("/v1/providers/{name}", { params: { path: { name } }, body: { api_key: key } })),
    { says: "In use at every proxy in about a second.", anew: [["providers"]], then: () => setKey("") },
  );
  return (
    <Card title="Set a credential">
      <form className="row end" onSubmit={(event) => { event.preventDefault(); set.mutate(undefined); }}>
        <TextInput label="Provider" placeholder="openai" required value={name} onChange={(event) => setName(event.currentTarget.value.trim())} style={{ flex: "1 1 160px" }} />
        <PasswordInput label="API key" required autoComplete="off" value={key} onChange={(event) => setKey(event.currentTarget.value)} style={{ flex: "2 1 220px" }} />
        <Button type="submit" variant="default" loading={set.isPending}>Set it</Button>
      </form>
    </Card>
  );
}

export function Projects() {
  const list = useQuery({ queryKey: ["projects"], queryFn: () => told(api.GET("/v1/projects")) });
  const may = useMay("admin");
  const [name, setName] = useState("");
  const make = useChange(() => told(api.POST("/v1/projects", { body: { name, default: false } })), { says: "The project is made.", anew: [["projects"]], then: () => setName("") });
  const take = useChange(
    ({ id, name, description, default: is }: { id: string; name: string; description?: string | null; default: boolean }) =>
      told(api.PUT("/v1/projects/{id}", { params: { path: { id } }, body: { name, description, default: !is } })),
    { says: "In use at every proxy in about a second.", anew: [["projects"]] },
  );
  const remove = useChange((id: string) => told(api.DELETE("/v1/projects/{id}", { params: { path: { id } } })), { says: "The project is gone.", anew: [["projects"]] });
  return (
    <div className="stack">
      <Card title="Projects" about="Calls are counted for one by the header floopy-project-id, or by a key that is held to it; for the default where nothing says.">
        <Loaded of={list}>
          {(data) => (data.items.length === 0
            ? <Empty title="No project yet">Make one to see what each of your applications uses.</Empty>
            : (
              <Plain label="Projects" head={["Name", "Id", "Since", "", ""]} rows={data.items.map((one) => ({
                key: one.id,
                cells: [<span key="n">{one.name} {one.default && <Tag>default</Tag>}</span>, <span key="i" className="mono wrap">{one.id}</span>, moment(one.created_at),
                  may && (
                    <Button key="m" variant="default" size="compact-sm" loading={take.isPending && take.variables?.id === one.id} onClick={() => take.mutate(one)}>
                      {one.default ? "Not the default" : "Make the default"}
                    </Button>
                  ),
                  may && <Sure key="d" action="Delete" danger size="compact-sm" busy={remove.isPending} go={() => remove.mutate(one.id)}>What was counted for {one.name} stays counted.</Sure>],
              }))} />
            ))}
        </Loaded>
      </Card>
      {may && (
        <Card title="Make a project">
          <form className="row end" onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
            <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} style={{ flex: "1 1 200px" }} />
            <Button type="submit" variant="default" loading={make.isPending}>Make it</Button>
          </form>
        </Card>
      )}
    </div>
  );
}
