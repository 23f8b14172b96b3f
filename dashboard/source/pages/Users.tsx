import { ActionIcon, Badge, Group, Menu, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";

import { graphql } from "../graphql";
import type { UserFilter, UsersQuery } from "../../generated/graphql";
import { AllowedButton, AllowedItem, type Permission } from "../parts/Allowed";
import { Called } from "../parts/Called";
import { type Column, DataList, useSelected, useSort } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { later } from "../parts/later";
import { Heading } from "../parts/Shell";
import { useRead, useReadNowAndThen } from "../reading";
import { useSession } from "../session";
import { day, number, word } from "../words";

const AddUser = later(() => import("../parts/AddUser"));
const AllocateLicenses = later(() => import("../parts/AllocateLicenses"));
const EditUser = later(() => import("../parts/EditUser"));
const Reallocate = later(() => import("../parts/Reallocate"));
const ReleaseLicenses = later(() => import("../parts/ReleaseLicenses"));
const RemoveUsers = later(() => import("../parts/RemoveUsers"));
const USERS = graphql(`
  query Users($orderBy: UserOrder, $filter: UserFilter, $first: Int, $after: String, $last: Int, $before: String) {
    users(scope: OWN, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id name email firstName lastName department externalId role status lastSignInAt license { id type expiresAt } allocations(first: 1) { edges { node { id releaseReason } } } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const MAY = graphql(`
  query UsersMay($id: ID!) {
    company(id: $id) { id viewerCan { addUsers { allowed reason } allocateLicenses { allowed reason } } }
  }
`);
const SORTED = ["NAME", "LAST_SIGN_IN_AT"] as const;
const FIELDS: readonly Field[] = [
  { name: "name", label: "Name", kind: "text" },
  { name: "email", label: "Email", kind: "text" },
  { name: "department", label: "Department", kind: "text" },
  { name: "role", label: "Role", kind: "choice", options: ["LEARNER", "MANAGER", "ACCOUNT_MANAGER"] },
  { name: "licenseStatus", label: "License", kind: "choice", options: ["NONE", "LIVE", "EXPIRED"] },
  { name: "status", label: "Status", kind: "choice", options: ["INVITED", "ACTIVE", "REMOVED"] },
  { name: "lastSignInAt", label: "Last sign-in", kind: "date" },
];
type User = UsersQuery["users"]["edges"][number]["node"];
const nameOf = ({ name }: User) => name;
const NOBODY: Permission = { allowed: false, reason: "Select people first." };

export function Component() {
  const session = useSession()!;
  const navigate = useNavigate();
  const filters = useFilters(FIELDS);
  const [isAdding, adding] = useDisclosure();
  const [{ data }] = useRead({ query: MAY, variables: { id: session.companyId } });
  const may = data?.company?.viewerCan;
  return (
    <Stack>
      <Group justify="space-between">
        <Heading>Users</Heading>
        <Group gap="xs">
          <AllowedButton variant="default" permission={may?.addUsers} onClick={() => void navigate("/users/import")}>Import CSV</AllowedButton>
          <AllowedButton permission={may?.addUsers} onClick={adding.open}>Add User</AllowedButton>
        </Group>
      </Group>
      <Group justify="space-between">
        <Filters fields={FIELDS} filters={filters} />
        <Download name="users" filter={filters.filter as UserFilter} />
      </Group>
      <Page filter={filters.filter as UserFilter} isNarrowed={filters.conditions.length > 0}
        mayAllocate={may?.allocateLicenses} mayKeep={may?.addUsers} />
      {isAdding && <AddUser onClose={adding.close} />}
    </Stack>
  );
}

type Deed = "allocate" | "edit" | "remove" | "reallocate" | "release";
interface Chosen {
  deed: Deed;
  /** Whom it is about: those selected, or whose three dots it was. */
  people: User[];
}
interface Listed {
  filter: UserFilter;
  isNarrowed: boolean;
  mayAllocate?: Permission;
  mayKeep?: Permission;
}

/** From the three dots of a row. */
const deedsOf = ({ license }: User, mayAllocate?: Permission, mayKeep?: Permission): [Deed, string, Permission?][] => [
  ["edit", "Edit", mayKeep],
  ...(license
    ? [["reallocate", "Reallocate", mayAllocate], ["release", "Release", mayAllocate]] satisfies [Deed, string, Permission?][]
    : [["allocate", "Allocate a license", mayAllocate]] satisfies [Deed, string, Permission?][]),
  ["remove", "Remove", mayKeep],
];

function Page({ filter, isNarrowed, mayAllocate, mayKeep }: Listed) {
  const sort = useSort(SORTED);
  const selected = useSelected();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [{ data, error, isOld }, again] = useRead({ query: USERS, variables: { filter, orderBy: sort.orderBy, ...sort.place } });
  useReadNowAndThen(again, error);
  const columns = useMemo<Column<User>[]>(() => [
    { id: "name", header: "Name", orderBy: "NAME", cell: (user) => <Called person={user} /> },
    { id: "department", header: "Department", cell: ({ department }) => department ?? "–" },
    { id: "role", header: "Role", cell: ({ role, status }) => <>{word(role)} {status !== "ACTIVE" && <Badge variant="default" size="sm">{word(status)}</Badge>}</> },
    {
      id: "license",
      header: "License",
      cell: ({ license }) => license ? `${word(license.type)}${license.expiresAt ? ` until ${day(license.expiresAt)}` : ""}` : "–",
    },
    { id: "lastSignInAt", header: "Last sign-in", orderBy: "LAST_SIGN_IN_AT", cell: ({ lastSignInAt }) => day(lastSignInAt) },
    {
      id: "actions",
      header: "Actions",
      cell: (user) => user.status !== "REMOVED" && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${user.name}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            {deedsOf(user, mayAllocate, mayKeep).map(([deed, label, permission]) => (
              <AllowedItem key={deed} permission={permission} onClick={() => setChosen({ deed, people: [user] })}>{label}</AllowedItem>
            ))}
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ], [mayAllocate, mayKeep]);
  const { ids } = selected;
  const people = (data?.users.edges ?? []).map(({ node }) => node).filter(({ id }) => ids.includes(id));
  const [user] = chosen?.people ?? [];
  const license = user?.license;
  const close = () => setChosen(null);

  return (
    <Stack gap="xs">
      <Group gap="xs">
        <AllowedButton size="xs" variant="light" permission={ids.length > 0 ? mayAllocate : NOBODY} onClick={() => setChosen({ deed: "allocate", people })}>
          Allocate Licenses
        </AllowedButton>
        <AllowedButton size="xs" variant="light" color="red" permission={ids.length > 0 ? mayKeep : NOBODY} onClick={() => setChosen({ deed: "remove", people })}>
          Remove
        </AllowedButton>
        {ids.length > 0 && <Text size="sm">{number(ids.length)} selected</Text>}
      </Group>
      <DataList label="Users" one="person" many="people" columns={columns} connection={data?.users} error={error} isOld={isOld}
        sort={sort} onPlace={sort.setPlace} nameOf={nameOf} {...selected.list} isNarrowed={isNarrowed}
        empty="Nobody is here. Add User adds one, and Import CSV many." />
      {chosen?.deed === "allocate" && <AllocateLicenses onClose={close} whom={chosen.people} onDone={selected.clear} />}
      {chosen?.deed === "remove" && <RemoveUsers onClose={close} people={chosen.people} onDone={selected.clear} />}
      {chosen?.deed === "edit" && user && <EditUser user={user} onClose={close} />}
      {chosen?.deed === "reallocate" && license && <Reallocate license={{ ...license, user }} onClose={close} />}
      {chosen?.deed === "release" && license && <ReleaseLicenses held={[{ ...license, user }]} onClose={close} />}
    </Stack>
  );
}
