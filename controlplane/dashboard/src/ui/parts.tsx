// Small parts that pages are made of.
import { Button, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { Refusal } from "../api/client";
import { words } from "../lib/format";

export type Tone = "good" | "warn" | "bad" | "info" | "plain";

export function Tag({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={tone === "plain" ? "tag" : `tag ${tone}`}>{children}</span>;
}

export function Page({ title, about, actions, children }: {
  title: string; about?: ReactNode; actions?: ReactNode; children: ReactNode;
}) {
  return (
    <>
      <title>{`${title} · Floopy`}</title>
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {about && <p>{about}</p>}
        </div>
        {actions && <div className="row end">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Card({ title, about, actions, span, children }: {
  title?: ReactNode; about?: ReactNode; actions?: ReactNode; span?: 3 | 4 | 5 | 6 | 7 | 8; children: ReactNode;
}) {
  return (
    <section className={span ? `card span-${span}` : "card"}>
      {(title || actions) && (
        <div className="card-head">
          <div>
            {title && <h2>{title}</h2>}
            {about && <p className="soft small" style={{ margin: 0 }}>{about}</p>}
          </div>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

export function Stat({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <section className="card stat span-3">
      <div className="label">{label}</div>
      <div className="value num">{value}</div>
      {note && <div className="soft small">{note}</div>}
    </section>
  );
}

export function Empty({ title, children, code }: { title: string; children?: ReactNode; code?: string }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {code && <pre tabIndex={0}>{code}</pre>}
    </div>
  );
}

/** Why something is not shown, with what may help. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const is = error instanceof Refusal ? error : null;
  return (
    <div className="note bad" role="alert">
      <div>{error instanceof Error ? error.message : "Something went wrong."}</div>
      {is?.code === "plan_required" && <div className="small">Your plan does not have this.</div>}
      {retry && <Button mt={8} size="compact-sm" variant="default" onClick={retry}>Try again</Button>}
    </div>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** What was asked, or that it is under way, or why it did not come. */
export function Loaded<T>({ of, lines = 4, children }: { of: Asked<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Trouble error={of.error} retry={() => void of.refetch()} />;
  return (
    <div role="status" aria-busy="true" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => <Skeleton key={at} height={14} mb={12} width={`${96 - at * 11}%`} />)}
    </div>
  );
}

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => [<dt key={`t${name}`}>{name}</dt>, <dd key={`d${name}`}>{value}</dd>])}
    </dl>
  );
}

/** A table whose rows all fit. */
export function Plain({ label, head, rows }: {
  label: string; head: (string | { name: string; right?: boolean })[]; rows: { key: string; cells: ReactNode[] }[];
}) {
  const columns = head.map((one) => (typeof one === "string" ? { name: one, right: false } : one));
  return (
    <div className="tablewrap" tabIndex={0} role="region" aria-label={label}>
      <table className="plain" aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, right }, at) => (
              <th key={name || at} scope="col" className={right ? "right" : undefined}>
                {name || <span className="skip">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, at) => (
                <td key={at} className={columns[at]?.right ? "right num" : undefined}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function ModelName({ of }: { of: { provider: string; model: string } | null | undefined }) {
  if (!of) return <span className="soft">nobody</span>;
  return <span className="model" title={`${of.provider}/${of.model}`}>{of.model}</span>;
}

const TONES: Record<string, Tone> = {
  ok: "good", completed: "good", live: "good", verified: "good", ahead: "good", delivered: "good", counts: "good", agrees: "good", rated: "good",
  active: "info", canary: "info", wide_canary: "info", running: "info", started: "info", pending: "info", shadow: "info",
  undecided: "plain", unknown: "plain", superseded: "plain", withdrawn: "plain", insufficient_data: "plain",
  behind: "bad", disagrees: "bad", weak: "warn", blocked: "bad", capped: "warn", error: "bad", failed: "bad", rolled_back: "bad", regression_detected: "bad", disconnected: "warn",
  not_verified: "warn",
};

export function Status({ of }: { of: string }) {
  return <Tag tone={TONES[of] ?? "plain"}>{words(of)}</Tag>;
}
