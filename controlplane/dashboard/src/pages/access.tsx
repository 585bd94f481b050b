// Who may come in, and whom Floopy calls: people, keys, projects, providers, webhooks.
import { Tabs } from "@mantine/core";
import { useNavigate, useParams } from "react-router";
import { Keys, People } from "../ui/access/holders";
import { Projects, Providers } from "../ui/access/places";
import { Webhooks } from "../ui/access/webhooks";
import { Page } from "../ui/parts";

const TABS = [
  ["people", "People", People],
  ["keys", "API keys", Keys],
  ["providers", "Providers", Providers],
  ["projects", "Projects", Projects],
  ["webhooks", "Webhooks", Webhooks],
] as const;

export default function Access() {
  const { tab = "people" } = useParams();
  const navigate = useNavigate();
  return (
    <Page title="Access" about="Who may come in, and whom Floopy calls for you.">
      <Tabs value={tab} onChange={(next) => void navigate(`/access/${next}`)} keepMounted={false}>
        <Tabs.List mb="md">{TABS.map(([value, name]) => <Tabs.Tab key={value} value={value}>{name}</Tabs.Tab>)}</Tabs.List>
        {TABS.map(([value, , Panel]) => <Tabs.Panel key={value} value={value}><Panel /></Tabs.Panel>)}
      </Tabs>
    </Page>
  );
}
