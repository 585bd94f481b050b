// One's own account: who one is, and another password.
import { Button, PasswordInput } from "@mantine/core";
import { useRef } from "react";
import { LEAST_CHARS, people } from "../api/client";
import { useUser } from "../api/session";
import { moment, words } from "../lib/format";
import { useChange } from "../ui/hooks";
import { Card, Facts, Page, Trouble } from "../ui/parts";

export default function Account() {
  const user = useUser();
  return (
    <Page title="Your account" about="How you sign in to this dashboard.">
      <div className="grid">
        <Card span={5} title="You">
          <Facts of={[["E-mail", user.email], ["Role", words(user.role)], ["Since", moment(user.created_at)], ["Id", <span key="i" className="mono">{user.id}</span>]]} />
        </Card>
        <Card span={7} title="Change your password" about="You stay signed in here, and are signed out everywhere else">
          <Password email={user.email} />
        </Card>
      </div>
    </Page>
  );
}

function Password({ email }: { email: string }) {
  const form = useRef<HTMLFormElement>(null);
  const change = useChange(
    (fields: FormData) => people.password(String(fields.get("current")), String(fields.get("password"))),
    { says: "Your password is changed.", then: () => form.current?.reset() },
  );
  return (
    <form ref={form} className="stack" onSubmit={(event) => { event.preventDefault(); change.mutate(new FormData(event.currentTarget)); }}>
      <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
      <PasswordInput name="current" label="Current password" autoComplete="current-password" required />
      <PasswordInput name="password" label="New password" description={`At least ${LEAST_CHARS} characters`} autoComplete="new-password" minLength={LEAST_CHARS} required />
      {change.error && <Trouble error={change.error} />}
      <div><Button type="submit" loading={change.isPending}>Change the password</Button></div>
    </form>
  );
}
