// Signing in, and making one's first account with an API key.
import { Anchor, Button, PasswordInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { LEAST_CHARS, people } from "../api/client";
import { SESSION, useSignedIn } from "../api/session";
import { Trouble } from "../ui/parts";

/** Why whoever vouches for people sent somebody back, in words that help. */
const REFUSED: Record<string, string> = {
  busy: "Too many people sign in at this moment. Try again in a few seconds.",
  stale: "That took too long, or was begun in another window. Try again.",
  denied: "It was refused where you were asked to sign in.",
  failed: "Who vouches for people could not be asked. The operator's log says why.",
  unverified: "Your e-mail address is not verified there, so it is not known to be yours.",
  token: "What came back does not prove who you are. The operator's log says why.",
  unknown: "You have no account here. Ask an administrator to take your e-mail address in.",
};

export function SignIn() {
  const [first, setFirst] = useState(false);
  const [refused] = useState(() => new URLSearchParams(location.search).get("refused"));
  return (
    <div className="signin">
      <title>{first ? "Make an account · Floopy" : "Sign in · Floopy"}</title>
      <main>
        <div className="brand" style={{ padding: "0 4px 18px" }}>
          <img src="/icon.svg" alt="" width={30} height={30} /> Floopy
        </div>
        <div className="card">
          {refused && <div className="note bad" role="alert" style={{ marginBottom: 14 }}>{REFUSED[refused] ?? "You could not be signed in."}</div>}
          {first ? <First /> : <><Known /><Elsewhere /></>}
          <p className="soft" style={{ margin: "18px 0 0" }}>
            {first ? "You have an account? " : "Nobody has an account yet? "}
            <Anchor component="button" type="button" underline="always" fz="inherit" onClick={() => setFirst(!first)}>
              {first ? "Sign in" : "Make one with your API key"}
            </Anchor>
          </p>
        </div>
      </main>
    </div>
  );
}

function Form({ title, about, action, submit, children }: {
  title: string; about?: ReactNode; action: string; submit: (fields: FormData) => Promise<unknown>; children: ReactNode;
}) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await submit(new FormData(event.currentTarget));
      await client.invalidateQueries({ queryKey: SESSION });
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form onSubmit={(event) => void send(event)} className="stack">
      <div>
        <h1 style={{ fontSize: 20, margin: 0 }}>{title}</h1>
        {about && <p className="soft" style={{ margin: "4px 0 0" }}>{about}</p>}
      </div>
      {error !== null && <Trouble error={error} />}
      {children}
      <Button type="submit" loading={busy} fullWidth>{action}</Button>
    </form>
  );
}

const read = (fields: FormData, name: string) => String(fields.get(name) ?? "");

function Known() {
  const submit = (fields: FormData) => people.signIn(read(fields, "email"), read(fields, "password"));
  return (
    <Form title="Sign in" action="Sign in" submit={submit}>
      <TextInput name="email" type="email" label="E-mail" autoComplete="username" required autoFocus />
      <PasswordInput name="password" label="Password" autoComplete="current-password" required />
    </Form>
  );
}

/** By somebody who vouches for people, where the operator set that up. */
function Elsewhere() {
  const host = useSignedIn().data?.oidc;
  if (!host) return null;
  return (
    <Button component="a" href="/dashboard/oidc/sign-in" variant="default" fullWidth mt={12}>Sign in with {host}</Button>
  );
}

function First() {
  async function submit(fields: FormData) {
    const email = read(fields, "email");
    const password = read(fields, "password");
    await people.create({ email, password }, read(fields, "key").trim());
    await people.signIn(email, password);
  }
  return (
    <Form title="Make an account" action="Make the account" submit={submit}
      about="The first start of Floopy printed an API key. An owner's or administrator's key makes an account of the same role; the page does not keep it.">
      <PasswordInput name="key" label="API key" placeholder="fl_…" autoComplete="off" required autoFocus />
      <TextInput name="email" type="email" label="E-mail" autoComplete="username" required />
      <PasswordInput name="password" label="Password" description={`At least ${LEAST_CHARS} characters`}
        autoComplete="new-password" minLength={LEAST_CHARS} required />
    </Form>
  );
}
