// People with passwords and programs with keys.
import { Button, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, people, ROLES, told, type Role } from "../../api/client";
import { useMay, useUser } from "../../api/session";
import { moment, words } from "../../lib/format";
import { useChange } from "../hooks";
import { Card, Loaded, Plain, Tag } from "../parts";
import { Sure } from "../sure";
import { Secret } from "./secret";

const LEAST_CHARS = 12;

function useRoles() {
  const most = ROLES.indexOf(useUser().role);
  return ROLES.filter((_, at) => at <= most).map((value) => ({ value, label: words(value) }));
}

export function People() {
  const list = useQuery({ queryKey: ["people"], queryFn: people.list });
  const user = useUser();
  const may = useMay("admin");
  const remove = useChange(people.remove, { says: "The account is gone, and signed out everywhere.", anew: [["people"], ["session"]] });
  return (
    <div className="stack">
      <Card title="People" about="They sign in here, and may do what their role may.">
        <Loaded of={list}>
          {(data) => (
            <Plain label="People" head={["E-mail", "Role", "Since", ""]} rows={data.items.map((one) => ({
              key: one.id,
              cells: [
                <span key="e" className="wrap">{one.email} {one.id === user.id && <Tag>you</Tag>}</span>, words(one.role), moment(one.created_at),
                may && (
                  <Sure key="r" action="Remove" danger size="compact-sm" busy={remove.isPending} go={() => remove.mutate(one.id)}>
                    {one.email} is signed out at once and cannot sign in any more.
                  </Sure>
                ),
              ],
            }))} />
          )}
        </Loaded>
      </Card>
      {may && <Invite />}
    </div>
  );
}

function Invite() {
  const roles = useRoles();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("member");
  const invite = useChange(() => people.create({ email, password, role }), {
    says: "The account is made. Tell them the password yourself.", anew: [["people"]],
    then: () => { setEmail(""); setPassword(""); },
  });
  return (
    <Card title="Take somebody in">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); invite.mutate(undefined); }}>
        <div className="pair" style={{ alignItems: "start" }}>
          <TextInput label="E-mail" type="email" required autoComplete="off" value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
          <PasswordInput label="Password" description={`At least ${LEAST_CHARS} characters`} inputWrapperOrder={["label", "input", "description"]}
            required minLength={LEAST_CHARS} autoComplete="new-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          <NativeSelect label="Role" data={roles} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)} />
        </div>
        <div><Button type="submit" variant="default" loading={invite.isPending}>Make the account</Button></div>
      </form>
    </Card>
  );
}

export function Keys() {
  const list = useQuery({ queryKey: ["keys"], queryFn: () => told(api.GET("/v1/keys")) });
  const may = useMay("admin");
  const end = useChange((id: string) => told(api.DELETE("/v1/keys/{id}", { params: { path: { id } } })), { says: "No proxy takes it from about a second later.", anew: [["keys"]] });
  return (
    <div className="stack">
      <Card title="API keys" about="Programs call with these. None is readable once it was made.">
        <Loaded of={list}>
          {(data) => (
            <Plain label="API keys" head={["Name", "Key", "Role", "Held to", "Since", ""]} rows={data.items.map((one) => ({
              key: one.id,
              cells: [
                <span key="n">{one.name || "unnamed"} {one.source === "configuration" && <Tag>configuration</Tag>}</span>,
                <span key="h" className="mono">…{one.hint}</span>, words(one.role),
                <span key="s" className="small soft wrap">{[one.environment, one.project_id && "a project", one.routing_rule_id && "a rule",
                  one.requests_per_minute && `${one.requests_per_minute} a minute`].filter(Boolean).join(", ") || "nothing"}</span>,
                moment(one.created_at),
                may && one.source !== "configuration" && (
                  <Sure key="e" action="End" danger size="compact-sm" busy={end.isPending} go={() => end.mutate(one.id)}>
                    Whatever calls with this key is refused from about a second later.
                  </Sure>
                ),
              ],
            }))} />
          )}
        </Loaded>
      </Card>
      {may && <MakeKey />}
    </div>
  );
}

function MakeKey() {
  const roles = useRoles();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [made, setMade] = useState<string | null>(null);
  const make = useChange(() => told(api.POST("/v1/keys", { body: { name, role, read_permission: true } })), {
    anew: [["keys"]],
    then: (key) => { setName(""); setMade(key.key ?? null); },
  });
  return (
    <Card title="Make a key">
      <form className="row end" onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
        <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} style={{ flex: "1 1 200px" }} />
        <NativeSelect label="Role" data={roles} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)} />
        <Button type="submit" variant="default" loading={make.isPending}>Make it</Button>
      </form>
      <Secret value={made} name="The new API key" close={() => setMade(null)} />
    </Card>
  );
}
