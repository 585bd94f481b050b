// Every decision, filtered, with a panel that says why.
import { Button, Drawer, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { api, told, type Schemas } from "../api/client";
import { ago, duration, moment, quality, usd, words } from "../lib/format";
import { DecisionPanel } from "../ui/decision";
import { useNow } from "../ui/hooks";
import { Paged, type Column } from "../ui/paged";
import { Empty, Page, Status, Tag } from "../ui/parts";

type Decision = Schemas["DecisionSummary"];

const STRATEGIES = ["feedback_driven", "fallback", "round_robin", "weighted", "latency_based", "smart_cost", "legacy_model"] as const;
const SINCE: [string, string][] = [["", "Any time"], ["1", "Last hour"], ["24", "Last 24 hours"], ["168", "Last 7 days"]];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const HOUR = 3_600_000;

const known = (text: string | null) => text || undefined;

/** What the search box means: a request, a session or somebody. */
function searched(text: string): { request_ids?: string[]; session_id?: string; user_id?: string } {
  const wanted = text.trim();
  if (!wanted) return {};
  if (UUID.test(wanted)) return { request_ids: [wanted] };
  return wanted.startsWith("user:") ? { user_id: wanted.slice(5).trim() } : { session_id: wanted };
}

function columns(now: number): Column<Decision>[] {
  return [
    { name: "Model", width: "minmax(110px, 1.5fr)", cell: (one) => one.model ?? "nobody" },
    { name: "Task", width: "minmax(90px, 1fr)", cell: (one) => <span className="mono soft">{one.task_shape ?? "–"}</span>, wide: true },
    { name: "Why", width: "minmax(90px, 0.9fr)", cell: (one) => words(one.reason), wide: true },
    { name: "Confidence", width: "84px", cell: (one) => quality(one.confidence).slice(0, 4), right: true, wide: true },
    { name: "Judge", width: "62px", cell: (one) => quality(one.quality), right: true, wide: true },
    { name: "Rating", width: "56px", cell: (one) => one.request_score ?? one.session_score ?? "–", right: true, wide: true },
    { name: "Cost", width: "84px", cell: (one) => usd(one.cost_micro_usd), right: true },
    { name: "Latency", width: "72px", cell: (one) => duration(one.latency_ms), right: true, wide: true },
    { name: "Status", width: "96px", wide: true, cell: (one) => (
      <span className="row" style={{ gap: 4, flexWrap: "nowrap" }}>{one.shadow_of ? <Tag>shadow</Tag> : <Status of={one.status} />}</span>
    ) },
    { name: "When", width: "88px", cell: (one) => <span title={moment(one.request_created_at)}>{ago(one.request_created_at, now)}</span>, right: true },
  ];
}

export default function Decisions() {
  const { id } = useParams();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState(params.get("q") ?? "");
  const [model, setModel] = useState(params.get("model") ?? "");
  const [search] = useDebouncedValue(text, 300);
  const [served] = useDebouncedValue(model, 300);
  const now = useNow();
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: true });
  };
  const [strategy, since, shadow, sure] = ["strategy", "since", "shadow", "sure"].map((name) => params.get(name) ?? "");
  // The time that "last hour" begins at stays while the list is read: cursors are bound to it.
  const [began] = useState(Date.now);
  const query = {
    limit: 50,
    ...searched(search),
    model: known(served.trim()),
    routing_strategy: known(strategy ?? "") as (typeof STRATEGIES)[number] | undefined,
    from: since ? new Date(began - Number(since) * HOUR).toISOString() : undefined,
    shadow: known(shadow ?? "") as "include" | "only" | undefined,
    max_confidence: sure === "low" ? 0.5 : undefined,
    min_confidence: sure === "high" ? 0.7 : undefined,
  };
  const isFiltered = Boolean(search || served || strategy || since || shadow || sure);
  const clear = () => {
    setText("");
    setModel("");
    setParams({}, { replace: true });
  };
  const tail = params.size > 0 ? `?${params}` : "";
  return (
    <Page title="Decisions" about="Which model served what, and why. Choose one to see everything that was known.">
      <div className="filters">
        <TextInput label="Session or request" placeholder="id, or user:name" value={text} onChange={(event) => setText(event.currentTarget.value)} />
        <TextInput label="Model" placeholder="gpt-4o" value={model} onChange={(event) => setModel(event.currentTarget.value)} />
        <NativeSelect label="Strategy" value={strategy} onChange={(event) => set("strategy", event.currentTarget.value)}
          data={[{ value: "", label: "Any" }, ...STRATEGIES.map((value) => ({ value, label: words(value) }))]} />
        <NativeSelect label="Since" value={since} onChange={(event) => set("since", event.currentTarget.value)}
          data={SINCE.map(([value, label]) => ({ value, label }))} />
        <NativeSelect label="Confidence" value={sure} onChange={(event) => set("sure", event.currentTarget.value)}
          data={[{ value: "", label: "Any" }, { value: "low", label: "At most 0.5" }, { value: "high", label: "At least 0.7" }]} />
        <NativeSelect label="Shadow" value={shadow} onChange={(event) => set("shadow", event.currentTarget.value)}
          data={[{ value: "", label: "Left out" }, { value: "include", label: "With" }, { value: "only", label: "Only" }]} />
        {isFiltered && <Button variant="default" onClick={clear}>Clear</Button>}
      </div>
      <Paged label="Decisions" queryKey={["decisions", "list", query]} refresh={5_000} chosen={id}
        page={(cursor) => told(api.GET("/v1/decisions/summaries", { params: { query: { ...query, cursor } } }))}
        columns={columns(now)} rowKey={(one) => one.request_id}
        open={(one) => void navigate(`/decisions/${one.request_id}${tail}`)}
        empty={isFiltered
          ? <Empty title="No decision fits">Take a filter away, or look further back.</Empty>
          : <Empty title="No decision yet">Every call to the proxy with <code>model: "auto"</code> is one. Send the first.</Empty>} />
      <Drawer opened={Boolean(id)} onClose={() => void navigate(`/decisions${tail}`)} position="right" size={760}
        title="Decision" closeButtonProps={{ "aria-label": "Close" }}>
        {id && <DecisionPanel id={id} />}
      </Drawer>
    </Page>
  );
}
