import { ActionIcon, Badge, Group, Menu, Stack, Text } from "@mantine/core";
import type { RowSelectionState } from "@tanstack/react-table";
import { IconDots } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useParams } from "react-router";
import { useQuery } from "urql";

import { graphql } from "../../generated";
import type { LicenseFilter } from "../../generated/graphql";
import { AllocateLicenses } from "../parts/AllocateLicenses";
import { AllowedButton } from "../parts/Allowed";
import { type Column, DataList, START } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { LicensesHead, useCounts } from "../parts/LicensesHead";
import { Reallocate } from "../parts/Reallocate";
import { day, word } from "../words";

const LICENSES = graphql(`
  query Licenses($filter: LicenseFilter, $first: Int, $after: String, $last: Int, $before: String) {
    licenses(scope: OWN, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id type status assignedAt allocatedAt expiresAt daysRemaining user { id name email status license { id } } order { id number } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
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

export interface LicenseRow {
  id: string;
  type: string;
  status: string;
  assignedAt: string;
  expiresAt?: string | null;
  daysRemaining?: number | null;
  user?: { id: string; name: string; email: string; status: string; license?: { id: string } | null } | null;
  order?: { number: string } | null;
}

const nameOf = ({ user, type }: LicenseRow) => user?.name || user?.email || `${word(type)} license`;

export function Component() {
  const { state = "available" } = useParams();
  const filters = useFilters(FIELDS);
  return (
    <Stack>
      <LicensesHead part="licenses" tab={state} />
      <Group justify="space-between">
        <Filters fields={FIELDS} filters={filters} />
        <Download name="licenses" />
      </Group>
      <Page key={`${state} ${filters.key}`} state={state} filter={{ ...filters.filter, ...FILTERS[state] }} />
    </Stack>
  );
}

function Page({ state, filter }: { state: string; filter: LicenseFilter }) {
  const company = useCounts();
  const [place, setPlace] = useState(START);
  const [selected, setSelected] = useState<RowSelectionState>({});
  const [moved, setMoved] = useState<LicenseRow | null>(null);
  const [isAllocating, setAllocating] = useState(false);
  const [{ data, error }, again] = useQuery({ query: LICENSES, variables: { filter, ...place } });
  const isExpired = state === "expired";
  const rows = data?.licenses.edges.map(({ node }) => node) ?? [];
  const users = [...new Set(rows.filter(({ id, user }) => selected[id] && user).map(({ user }) => user!.id))];

  const columns = useMemo<Column<LicenseRow>[]>(() => [
    {
      id: "user",
      header: isExpired ? "Last with" : "With",
      cell: ({ user }) => user ? <><Text size="sm">{user.name}</Text><Text size="xs" c="dimmed">{user.email}</Text></> : "–",
    },
    { id: "type", header: "Type", cell: ({ type }) => word(type) },
    { id: "order", header: "Order", cell: ({ order }) => order?.number ?? "–" },
    { id: "assignedAt", header: "Assigned", cell: ({ assignedAt }) => day(assignedAt) },
    {
      id: "expiresAt",
      header: isExpired ? "Expired" : "Expires",
      cell: ({ expiresAt, daysRemaining }) => (
        <Group gap="xs" wrap="nowrap" component="span">
          {expiresAt ? day(expiresAt) : "Never"}
          {!isExpired && typeof daysRemaining === "number" && daysRemaining <= 30 && <Badge variant="default">{daysRemaining} d</Badge>}
        </Group>
      ),
    },
    {
      id: "actions",
      header: "Actions",
      cell: (row) => row.status === "ALLOCATED" && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${nameOf(row)}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown><Menu.Item onClick={() => setMoved(row)}>Reallocate</Menu.Item></Menu.Dropdown>
        </Menu>
      ),
    },
  ], [isExpired]);

  return (
    <Stack gap="xs">
      {isExpired && (
        <Group>
          <AllowedButton permission={users.length > 0 ? company?.viewerCan.allocateLicenses : { allowed: false, reason: "Select whose licenses are renewed." }}
            onClick={() => setAllocating(true)}>
            Allocate Licenses
          </AllowedButton>
          {users.length > 0 && <Text size="sm">{users.length} selected</Text>}
        </Group>
      )}
      <DataList<LicenseRow> label="Licenses" one="license" columns={columns} connection={data?.licenses} error={error} onPlace={(next) => { setSelected({}); setPlace(next); }}
        onRetry={again} empty={EMPTY[state]} nameOf={nameOf} {...(isExpired && { selected, onSelect: setSelected })} />
      <AllocateLicenses isOpen={isAllocating} onClose={() => setAllocating(false)} userIds={users} onDone={() => setSelected({})} />
      <Reallocate license={moved} onClose={() => setMoved(null)} />
    </Stack>
  );
}
