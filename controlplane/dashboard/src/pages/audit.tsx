// Who changed what, the newest first.
import { api, told, type Schemas } from "../api/client";
import { ago, moment } from "../lib/format";
import { useNow } from "../ui/hooks";
import { Paged } from "../ui/paged";
import { Empty, Page, Tag, type Tone } from "../ui/parts";

const TONES: Record<string, Tone> = { create: "good", update: "info", delete: "bad" };

export default function Audit() {
  const now = useNow();
  return (
    <Page title="Audit log" about="Every change of a setting, with who made it. Rows are only ever added.">
      <Paged<Schemas["Change"]> label="Changes" queryKey={["audit"]} refresh={10_000} rowKey={(one) => String(one.id)}
        page={(cursor) => told(api.GET("/v1/audit", { params: { query: { limit: 100, cursor } } }))}
        columns={[
          { name: "What", width: "minmax(130px, 1.6fr)", cell: (one) => <span className="mono" title={one.resource}>{one.resource}</span> },
          { name: "Done", width: "76px", cell: (one) => <Tag tone={TONES[one.action]}>{one.action}</Tag> },
          { name: "Who", width: "minmax(110px, 1.2fr)", cell: (one) => <span className="mono" title={one.actor}>{one.actor}</span>, wide: true },
          { name: "Role", width: "90px", cell: (one) => one.role ?? "–", wide: true },
          { name: "Document after", width: "minmax(90px, 0.7fr)", cell: (one) => <span className="mono soft" title={one.after_sha256 ?? ""}>{one.after_sha256?.slice(0, 12) ?? "–"}</span>, wide: true },
          { name: "When", width: "88px", cell: (one) => <span title={moment(one.at)}>{ago(one.at, now)}</span>, right: true },
        ]}
        empty={<Empty title="Nothing was changed yet">The first change of a constraint, a key or a rule is written down here.</Empty>} />
    </Page>
  );
}
