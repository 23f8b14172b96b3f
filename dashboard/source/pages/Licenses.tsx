import { ActionIcon, Badge, Group, Menu, Stack, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useParams } from "react-router";

import { graphql } from "../graphql";
import type { LicenseFilter } from "../../generated/graphql";
import type { Person } from "../parts/AllocateLicenses";
import { AllowedButton, AllowedItem } from "../parts/Allowed";
import { Called } from "../parts/Called";
import { type Column, DataList, useSelected, useSort } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { later } from "../parts/later";
import { useCounts } from "../parts/LicensesHead";
import { useRead, useReadNowAndThen } from "../reading";
import { count, day, number, word } from "../words";

const AllocateLicenses = later(() => import("../parts/AllocateLicenses"));
const Reallocate = later(() => import("../parts/Reallocate"));
const ReleaseLicenses = later(() => import("../parts/ReleaseLicenses"));
const LICENSES = graphql(`
  query Licenses($orderBy: LicenseOrder, $filter: LicenseFilter, $first: Int, $after: String, $last: Int, $before: String) {
    licenses(scope: OWN, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id type status assignedAt allocatedAt expiresAt daysRemaining user { id name email status } order { id number } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const SORTED = ["ASSIGNED_AT", "EXPIRES_AT"] as const;
const FIELDS: readonly Field[] = [
  { name: "type", label: "Type", kind: "choice", options: ["PREMIUM", "MANAGED", "TRIAL", "NFR"] },
  { name: "userName", label: "Learner", kind: "text" },
  { name: "userEmail", label: "Email", kind: "text" },
  { name: "userDepartment", label: "Department", kind: "text" },
  { name: "expiresAt", label: "Expires", kind: "date" },
];
const FILTERS: Record<string, LicenseFilter> = {
  available: { status: ["AVAILABLE"] },
  allocated: { status: ["ALLOCATED"] },
  expiring: { expiresWithinDays: 30 },
  expired: { status: ["EXPIRED"] },
};
const EMPTY: Record<string, string> = {
  available: "No license is free. Request Licenses asks for more.",
  allocated: "Nobody has a license. Add people at Users, and allocate what is available.",
  expiring: "No license expires in the next 30 days.",
  expired: "No license has expired.",
};

/** Where there are some with learners. */
const HELD = new Set(["allocated", "expiring"]);
/** Where something can be done with several at once. */
const SELECTABLE = new Set(["allocated", "expired"]);

interface LicenseRow {
  id: string;
  type: string;
  status: string;
  assignedAt: string;
  expiresAt?: string | null;
  daysRemaining?: number | null;
  user?: Person | null;
  order?: { number: string } | null;
}

const nameOf = ({ user, type }: LicenseRow) => user?.name ?? `${word(type)} license`;

export function Component() {
  const { state = "available" } = useParams();
  const filters = useFilters(FIELDS);
  const filter: LicenseFilter = { ...filters.filter, ...FILTERS[state] };
  return (
    <>
      <Group justify="space-between">
        <Filters fields={FIELDS} filters={filters} />
        <Download name="licenses" filter={filter} />
      </Group>
      <Page key={state} state={state} filter={filter}
        isWhole={filters.conditions.length === 0} />
    </>
  );
}

function Page({ state, filter, isWhole }: { state: string; filter: LicenseFilter; isWhole: boolean }) {
  const may = useCounts()?.viewerCan.allocateLicenses;
  const sort = useSort(SORTED);
  const selected = useSelected();
  const [moved, setMoved] = useState<LicenseRow | null>(null);
  const [released, setReleased] = useState<LicenseRow[]>([]);
  const [renewed, setRenewed] = useState<Person[] | "allExpired" | null>(null);
  const [{ data, error, isOld }, again] = useRead({ query: LICENSES, variables: { filter, orderBy: sort.orderBy, ...sort.place } });
  useReadNowAndThen(again, error); // of a license that went to another learner no count tells
  const isExpired = state === "expired";
  const rows = data?.licenses.edges.map(({ node }) => node) ?? [];
  const chosen = rows.filter(({ id }) => selected.ids.includes(id));
  const people = [...new Map(chosen.flatMap(({ user }) => (user ? [[user.id, user]] : []))).values()];
  const all = data?.licenses.totalCount ?? 0;
  const isPageSelected = rows.length > 0 && selected.ids.length === rows.length;

  const columns = useMemo<Column<LicenseRow>[]>(() => [
    ...(state === "available" ? [] : [{
      id: "user",
      header: isExpired ? "Last with" : "With",
      cell: ({ user }: LicenseRow) => user ? <Called person={user} /> : "–",
    }]),
    { id: "type", header: "Type", cell: ({ type }) => word(type) },
    { id: "order", header: "Order", cell: ({ order }) => order?.number ?? "–" },
    { id: "assignedAt", header: "Assigned", orderBy: "ASSIGNED_AT", cell: ({ assignedAt }) => day(assignedAt) },
    {
      id: "expiresAt",
      header: isExpired ? "Expired" : "Expires",
      orderBy: "EXPIRES_AT",
      cell: ({ expiresAt, daysRemaining }) => (
        <Group gap="xs" wrap="nowrap" component="span">
          {expiresAt ? day(expiresAt) : "Never"}
          {!isExpired && typeof daysRemaining === "number" && daysRemaining <= 30 && <Badge variant="default" tt="none">{count(daysRemaining, "day")}</Badge>}
        </Group>
      ),
    },
    ...(HELD.has(state) ? [{
      id: "actions",
      header: "Actions",
      cell: (row: LicenseRow) => row.status === "ALLOCATED" && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${nameOf(row)}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <AllowedItem permission={may} onClick={() => setMoved(row)}>Reallocate</AllowedItem>
            <AllowedItem permission={may} onClick={() => setReleased([row])}>Release</AllowedItem>
          </Menu.Dropdown>
        </Menu>
      ),
    }] : []),
  ], [state, isExpired, may]);

  return (
    <Stack gap="xs">
      {isExpired && (
        <Group gap="xs">
          <AllowedButton permission={people.length > 0 ? may : { allowed: false, reason: "Select whose licenses are renewed." }}
            onClick={() => setRenewed(people)}>
            Allocate Licenses
          </AllowedButton>
          {people.length > 0 && <Text size="sm">{count(people.length, "person", "people")} selected</Text>}
          {isWhole && isPageSelected && all > rows.length && (
            <AllowedButton variant="subtle" permission={may} onClick={() => setRenewed("allExpired")}>
              Take everybody whose license has expired
            </AllowedButton>
          )}
        </Group>
      )}
      {state === "allocated" && (
        <Group gap="xs">
          <AllowedButton size="xs" variant="light" onClick={() => setReleased(chosen)}
            permission={selected.ids.length > 0 ? may : { allowed: false, reason: "Select the licenses to release." }}>
            Release
          </AllowedButton>
          {selected.ids.length > 0 && <Text size="sm">{number(selected.ids.length)} selected</Text>}
        </Group>
      )}
      <DataList<LicenseRow> label="Licenses" one="license" columns={columns} connection={data?.licenses} error={error} isOld={isOld} sort={sort} onPlace={sort.setPlace}
        isNarrowed={!isWhole} empty={EMPTY[state]} nameOf={nameOf} {...(SELECTABLE.has(state) && selected.list)} />
      {renewed && <AllocateLicenses onClose={() => setRenewed(null)} whom={renewed} onDone={selected.clear} />}
      {released.length > 0 && <ReleaseLicenses held={released} onClose={() => setReleased([])} onDone={selected.clear} />}
      {moved && <Reallocate license={moved} onClose={() => setMoved(null)} />}
    </Stack>
  );
}
