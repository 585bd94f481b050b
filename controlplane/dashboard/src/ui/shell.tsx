// What stands around every page: where one may go, who is signed in, light or dark.
import { ActionIcon, Drawer, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconArrowsSplit2, IconChartBar, IconChevronDown, IconFileText, IconFlask, IconClipboardCheck, IconPlayerPlay, IconUsersGroup, IconUser, IconHistory, IconHome, IconKey, IconLogout,
  IconMenu2, IconMessageCircle, IconMoon, IconRoute, IconServer, IconShield, IconStar, IconSun, IconTrendingUp,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, NavLink } from "react-router";
import { people } from "../api/client";
import { useUser } from "../api/session";
import { useChange } from "./hooks";

const PLACES = [
  { group: "", at: "/", name: "Overview", icon: IconHome },
  { group: "", at: "/decisions", name: "Decisions", icon: IconRoute },
  { group: "", at: "/routing", name: "Routing", icon: IconArrowsSplit2 },
  { group: "", at: "/sessions", name: "Sessions", icon: IconMessageCircle },
  { group: "", at: "/playground", name: "Playground", icon: IconPlayerPlay },
  { group: "Improve", at: "/experiments", name: "Experiments", icon: IconFlask },
  { group: "Improve", at: "/promotions", name: "Promotions", icon: IconTrendingUp },
  { group: "Improve", at: "/feedback", name: "Feedback and judges", icon: IconStar },
  { group: "Improve", at: "/prompts", name: "Prompts", icon: IconFileText },
  { group: "Improve", at: "/evaluations", name: "Evaluations", icon: IconClipboardCheck },
  { group: "Improve", at: "/pool", name: "Shared pool", icon: IconUsersGroup },
  { group: "Run", at: "/usage", name: "Usage and budgets", icon: IconChartBar },
  { group: "Run", at: "/safety", name: "Cache and firewall", icon: IconShield },
  { group: "Run", at: "/access", name: "Access", icon: IconKey },
  { group: "Run", at: "/audit", name: "Audit log", icon: IconHistory },
  { group: "Run", at: "/fleet", name: "Fleet", icon: IconServer },
];

function Places({ went }: { went?: () => void }) {
  return (
    <nav className="nav" aria-label="Pages">
      {PLACES.map((place, at) => (
        <div key={place.at}>
          {place.group && place.group !== PLACES[at - 1]?.group && <div className="nav-group">{place.group}</div>}
          <NavLink to={place.at} end={place.at === "/"} onClick={went}>
            <place.icon size={18} stroke={1.7} aria-hidden /> {place.name}
          </NavLink>
        </div>
      ))}
    </nav>
  );
}

function Brand() {
  return (
    <Link to="/" className="brand">
      <img src="/icon.svg" alt="" width={26} height={26} /> Floopy
    </Link>
  );
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const says = dark ? "Light colours" : "Dark colours";
  return (
    <Tooltip label={says}>
      <ActionIcon variant="subtle" color="gray" c="var(--ink-soft)" size="lg" aria-label={says} onClick={() => setColorScheme(dark ? "light" : "dark")}>
        {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

function Who() {
  const user = useUser();
  const client = useQueryClient();
  const out = useChange(people.signOut, {
    then: () => {
      client.clear();
      window.location.assign("/");
    },
  });
  return (
    <div className="row" style={{ flexWrap: "nowrap", justifyContent: "space-between", gap: 4 }}>
      <Menu position="top-start" width={220}>
        <Menu.Target>
          <button type="button" className="who-button">
            <span className="clip">{user.email}</span> <IconChevronDown size={14} aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label c="var(--ink-soft)">Role: {user.role.replace("_", " ")}</Menu.Label>
          <Menu.Item component={Link} to="/account" leftSection={<IconUser size={16} />}>Your account</Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => out.mutate(undefined)}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Scheme />
    </div>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const [open, { open: show, close }] = useDisclosure();
  return (
    <div className="frame">
      <a className="skip" href="#main">Skip to the page</a>
      <aside className="side">
        <Brand />
        <Places />
        <Who />
      </aside>
      <header className="bar-top">
        <Brand />
        <ActionIcon variant="subtle" c="var(--ink)" size="lg" aria-label="Menu" onClick={show}><IconMenu2 size={20} /></ActionIcon>
      </header>
      <Drawer opened={open} onClose={close} size={290} title="Floopy" closeButtonProps={{ "aria-label": "Close" }}>
        <Places went={close} />
        <div style={{ marginTop: 18 }}><Who /></div>
      </Drawer>
      <main id="main" className="main" tabIndex={-1}>{children}</main>
    </div>
  );
}
