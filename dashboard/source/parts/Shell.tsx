import { Alert, AppShell, Burger, Button, Group, Menu, NavLink, Text, Title, useComputedColorScheme, useMantineColorScheme, useMatches } from "@mantine/core";
import { useDisclosure, useWindowEvent } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useEffect, useRef, useState } from "react";
import { Navigate, Outlet, NavLink as RouterLink, useLocation, useNavigate } from "react-router";
import { useSubscription } from "urql";

import { focusHeading } from "../focus";
import { graphql } from "../graphql";
import { tellFailure } from "../notes";
import { hearsBeneath, type Session, useHasEnded, useSession } from "../session";
import { exitManageMode, signOut } from "../signing";
import { apart, count, word } from "../words";
import Resume from "./Resume"; // at hand when a session ends, with or without a connection

const ORDERS = graphql(`
  subscription OrderChanged {
    orderChanged { id number status requestedAt updatedAt quantity assignedQuantity licenseType company { id name } requestedBy { email } }
  }
`);
/** As the page of a company has it, so that both tell the same. */
const COUNTS = graphql(`
  subscription CountsChanged($id: ID!, $scope: Scope!) {
    licenseSummaryChanged(companyId: $id, scope: $scope) { id total available allocated expiring expired requested nextExpiryAt }
  }
`);
/** All that a learner sees, whatever the address was. */
const MINE = "/my-license";

interface Place {
  to: string;
  label: string;
  stems: string[];
}

/** What one sees: a learner nothing but the own license, a customer no tree of companies. */
function placesOf({ role, kind, companyId }: Session): Place[] {
  if (role === "LEARNER") return [{ to: MINE, label: "My license", stems: [MINE] }];
  return [
    { to: kind === "CUSTOMER" ? `/companies/${companyId}` : "/companies", label: "Company", stems: ["/companies"] },
    { to: "/licenses/available", label: "Licenses", stems: ["/licenses", "/orders"] },
    { to: "/users", label: "Users", stems: ["/users"] },
    { to: "/overview", label: "Overview", stems: ["/overview"] },
    { to: "/sent-mail", label: "Sent mail", stems: ["/sent-mail"] },
    { to: "/audit-trail", label: "Audit trail", stems: ["/audit-trail"] },
  ];
}

export function Shell() {
  const session = useSession();
  const hasEnded = useHasEnded();
  const [isOpen, { toggle, close }] = useDisclosure();
  const burger = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const isPhone = useMatches({ base: true, sm: false }, { getInitialValueInEffect: false });
  const isCovered = isPhone && isOpen;
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const [isLeaving, setLeaving] = useState(false);

  useEffect(close, [pathname, close]);
  useEffect(() => () => {
    // A page was chosen, and that is read from its heading.
    if (isOpen && menu.current?.contains(document.activeElement)) focusHeading();
  }, [isOpen]);
  useWindowEvent("keydown", ({ key }) => {
    if (key !== "Escape" || !isOpen || hasEnded) return;
    burger.current?.focus();
    close();
  });
  const scope = hearsBeneath(session) ? "SUBTREE" : "OWN";
  useSubscription({ query: COUNTS, variables: { id: session?.companyId ?? "", scope }, pause: !session || session.role === "LEARNER" });
  useSubscription({ query: ORDERS, pause: session?.role === "LEARNER" }, (_, told) => {
    const { orderChanged: order } = told;
    const isNew = order.status === "REQUESTED" && order.updatedAt === order.requestedAt;
    if (isNew && order.requestedBy?.email !== session?.email) {
      notifications.show({
        id: order.id,
        title: `New request ${order.number}`,
        message: `${apart(order.company.name)} asks for ${count(order.quantity, `${word(order.licenseType)} license`)}.`,
      });
    }
    return told;
  });

  /** Nothing is typed meanwhile that would be lost with it. */
  async function exit() {
    const managed = session?.companyId;
    setLeaving(true);
    try {
      await exitManageMode();
      if (location.pathname === pathname) await navigate(`/companies/${managed}`);
    } catch (error) {
      tellFailure("Manage mode was not left", (error as Error).message);
    } finally {
      setLeaving(false);
    }
  }

  /** Whoever signs in next begins at the beginning. */
  async function leave() {
    const isHeard = signOut();
    await navigate("/");
    if (!(await isHeard)) tellFailure("Signed out in this browser only", "The server could not be told. Your session there ends by itself, 12 hours after it began.");
  }

  if (!session) return null;
  const banner = session.isManaging && (
    <Alert color="#a83a00" variant="filled" mb="md" pos="sticky" top={isCovered ? 0 : 64} role="region" aria-label="Manage mode" style={{ flexShrink: 0, zIndex: 10 }}>
      <Group justify="space-between">
        {/* However long a name is, the way out stays in reach. */}
        <Text c="inherit" size="sm" lineClamp={2} title={`${apart(session.company)}, as ${apart(session.name)}`}>
          You are managing <strong>{apart(session.company)}</strong> as {apart(session.name)}.
        </Text>
        <Button size="xs" color="dark" loading={isLeaving} onClick={() => void exit()}>Exit Manage Mode</Button>
      </Group>
    </Alert>
  );
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !isOpen } }} padding="md">
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger ref={burger} opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" aria-expanded={isOpen} />
            <Text fw={700} size="lg">Canopy</Text>
          </Group>
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="subtle" maw="70vw">
                <Text truncate size="sm">{apart(session.name)} · {apart(session.company)}</Text>
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>{session.email}</Menu.Label>
              <Menu.Item onClick={() => setColorScheme(scheme === "dark" ? "light" : "dark")}>
                {scheme === "dark" ? "Light colors" : "Dark colors"}
              </Menu.Item>
              <Menu.Item onClick={() => void leave()}>Sign out</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar ref={menu} p="xs" aria-label="Pages" inert={isPhone && !isOpen} style={{ overflowY: "auto" }}>
        {isCovered && banner}
        <div inert={isLeaving}>
          {placesOf(session).map(({ to, label, stems }) => (
            <NavLink key={label} component={RouterLink} to={to} label={label} onClick={close} active={stems.some((stem) => pathname.startsWith(stem))} />
          ))}
        </div>
      </AppShell.Navbar>
      <AppShell.Main>
        {!isCovered && banner}
        <div inert={isLeaving || isCovered}>
          {session.role === "LEARNER" && pathname !== MINE ? <Navigate replace to={MINE} /> : <Outlet />}
        </div>
      </AppShell.Main>
      {hasEnded && <Resume />}
    </AppShell>
  );
}

/** The heading of a page, which is its title, too; and where the focus goes on a new page, if what had it is gone. */
export function Heading({ children }: { children: string }) {
  useEffect(() => {
    document.title = `${children} – Canopy`;
    if (document.activeElement === document.body) focusHeading();
  }, [children]);
  return <Title order={1} size="h2" tabIndex={-1} style={{ outline: "none" }}>{children}</Title>;
}
