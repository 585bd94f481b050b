// What left this tenant for the pool that new tenants start from, exactly; and leaving it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { NativeSelect } from "@mantine/core";
import { api, told, type Schemas } from "../api/client";
import { useMay } from "../api/session";
import { count, moment, percent, signed, words } from "../lib/format";
import { useChange } from "../ui/hooks";
import { Card, Empty, Facts, Loaded, Page, Plain, Stat, Tag } from "../ui/parts";
import { Sure } from "../ui/sure";

type Proof = Schemas["PoolProof"];
const digits = (value: number | null | undefined, of = 3) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(of))));

export default function Pool() {
  const proof = useQuery({ queryKey: ["pool"], queryFn: () => told(api.GET("/v1/pool")), refetchInterval: 30_000 });
  return (
    <Page title="Shared pool" about="New tenants start from what all know together. This is every number that left you for it, before noise; nothing else did.">
      <Loaded of={proof} lines={8}>{(data) => <Shown of={data} />}</Loaded>
    </Page>
  );
}

function Shown({ of }: { of: Proof }) {
  const { privacy, spent } = of;
  const cells = of.given.reduce((sum, one) => sum + one.cells.length, 0);
  return (
    <div className="grid">
      <Stat label="Membership" value={of.member ? "Member" : "Not a member"} note={of.enabled ? undefined : "nothing is pooled here"} />
      <Stat label="Releases" value={count(spent.releases)} note="of the last 365 days" />
      <Stat label="Numbers that left" value={count(2 * cells)} note={`${count(cells)} models in kinds of tasks, two each`} />
      <Stat label="May be told of you" value={percent(spent.advantage, 1)} note="by how much the best test beats guessing, at most" />
      <Card span={6} title="Membership">
        <Member of={of} />
      </Card>
      <Card span={6} title="What is promised" about="Differential privacy of a whole tenant, over all releases of a year">
        {privacy ? (
          <Facts of={[
            ["Promised", `ε ${privacy.epsilon}, δ ${privacy.delta}, in ${count(privacy.window_days)} days`],
            ["Spent so far", `ε ${digits(spent.epsilon)}, δ ${digits(spent.delta)}`],
            ["A release", `every ${count(privacy.every_days)} days, with noise of ${digits(privacy.sigma)} in each sum`],
            ["A tenant's bound", `${privacy.bound}, all its numbers together`],
          ]} />
        ) : <p className="soft" style={{ margin: 0 }}>Nothing is pooled here, so nothing is told.</p>}
      </Card>
      <Given of={of.given} isMember={of.member && of.enabled} />
    </div>
  );
}

function Member({ of }: { of: Proof }) {
  const may = useMay("admin");
  const set = useChange((member: boolean) => told(api.PUT("/v1/pool", { body: { member } })), { anew: [["pool"]], says: "Done, at once." });
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>
        {of.member
          ? "You start from what others learned, and give what you learn, with noise: nobody can tell whether you are in it."
          : "You give nothing and take nothing: what you do not know yet, public benchmarks tell."}
      </p>
      {may ? (
        <div>
          {of.member
            ? <Sure key="leave" action="Leave the pool" danger busy={set.isPending} go={() => set.mutate(false)}>What you gave is forgotten at once, and the next release is without it. You start from benchmarks alone in what you do not know yet.</Sure>
            : <Sure key="join" action="Join the pool" busy={set.isPending} go={() => set.mutate(true)}>The next release has your numbers, with noise. All that leaves is shown here.</Sure>}
        </div>
      ) : <p className="soft small" style={{ margin: 0 }}>An administrator may change this.</p>}
    </div>
  );
}

function Given({ of, isMember }: { of: Proof["given"]; isMember: boolean }) {
  const [chosen, setChosen] = useState(0);
  const gift = of.find((one) => one.release === chosen) ?? of[0];
  if (!gift) {
    return (
      <Card title="What left">
        <Empty title="Nothing left you yet">{isMember ? "The first release with your numbers is listed here, number by number." : "Whoever is no member gives nothing."}</Empty>
      </Card>
    );
  }
  const picker = (
    <NativeSelect aria-label="Release" value={String(gift.release)} onChange={(event) => setChosen(Number(event.currentTarget.value))}
      data={of.map((one) => ({ value: String(one.release), label: `Release ${one.release}, ${moment(one.released_at)}` }))} />
  );
  return (
    <Card title="What left" about={`Multiplied by ${digits(gift.scale)} to keep to the bound; each sum was told with noise of ${digits(gift.sigma)}`} actions={picker}>
      {gift.cells.length === 0 ? <Empty title="Nothing of yours">Nothing was known of you then, or you left since.</Empty> : (
        <Plain label="What left" head={["Kind of task", "Model", { name: "How much is known", right: true }, { name: "Gap to the benchmark", right: true }]}
          rows={gift.cells.map((one) => ({
            key: `${one.task_shape} ${one.provider}/${one.model}`,
            cells: [<Tag key="t">{words(one.task_shape)}</Tag>, <span key="m" className="model">{one.provider}/{one.model}</span>, digits(one.evidence), signed(one.gap, (gap) => digits(gap))],
          }))} />
      )}
    </Card>
  );
}
