// Every session, the last active first, and any by its id.
import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { ago, count, moment, usd } from "../lib/format";
import { useNow } from "../ui/hooks";
import { Paged, type Column } from "../ui/paged";
import { Empty, Page, Status } from "../ui/parts";

type Session = Schemas["SessionCost"];
const place = (id: string) => `/sessions/${encodeURIComponent(id)}`;

function columns(now: number): Column<Session>[] {
  return [
    { name: "Session", width: "minmax(90px, 2fr)", cell: (one) => <Link to={place(one.session_id)} className="clip">{one.session_id}</Link> },
    { name: "Calls", width: "60px", cell: (one) => count(one.requests), right: true },
    { name: "Failed", width: "60px", cell: (one) => count(one.failed_requests), right: true, wide: true },
    { name: "Rating", width: "60px", cell: (one) => one.rating ?? "–", right: true, wide: true },
    { name: "Outcome", width: "96px", cell: (one) => <Status of={one.outcome} />, wide: true },
    { name: "Cost", width: "84px", cell: (one) => usd(one.cost_micro_usd), right: true, wide: true },
    { name: "Saved", width: "84px", cell: (one) => (one.counted_requests > 0 ? usd(one.savings_micro_usd) : "–"), right: true, wide: true },
    { name: "Last", width: "88px", cell: (one) => <span title={moment(one.last_request_at)}>{ago(one.last_request_at, now)}</span>, right: true },
  ];
}

export default function Sessions() {
  const navigate = useNavigate();
  const now = useNow();
  const [id, setId] = useState("");
  const [user, setUser] = useState("");
  const [path, setPath] = useState("");
  const [of] = useDebouncedValue(user.trim(), 300);
  const [at] = useDebouncedValue(path.trim(), 300);
  const query = { limit: 50, user_id: of || undefined, session_path: at || undefined };
  const isFiltered = Boolean(of || at);
  const open = () => { if (id.trim()) void navigate(place(id.trim())); };
  return (
    <Page title="Sessions" about="What was said in a session, who answered each turn and why, and how it was rated. Of the last 31 days.">
      <form className="filters" onSubmit={(event) => { event.preventDefault(); open(); }}>
        <TextInput label="Session" placeholder="its id" value={id} onChange={(event) => setId(event.currentTarget.value)}
          rightSectionWidth={70} rightSection={<Button type="submit" size="compact-sm" variant="default">Open</Button>} />
        <TextInput label="User" placeholder="floopy-user-id" value={user} onChange={(event) => setUser(event.currentTarget.value)} />
        <TextInput label="Place" placeholder="/app/onboarding" value={path} onChange={(event) => setPath(event.currentTarget.value)} />
      </form>
      <Paged<Session> label="Sessions" queryKey={["sessions", query]} refresh={5_000}
        page={(cursor) => told(api.GET("/v1/sessions", { params: { query: { ...query, cursor } } }))}
        rowKey={(one) => one.session_id} columns={columns(now)}
        empty={isFiltered
          ? <Empty title="No session fits">Take a filter away.</Empty>
          : (
            <Empty title="No session yet" code={'-H "floopy-session-id: support-4711"'}>
              Calls that carry this header belong together, keep their model, and can be rated as a whole.
            </Empty>
          )} />
    </Page>
  );
}
