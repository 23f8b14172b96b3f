import { ActionIcon, Badge, Button, Checkbox, Group, Menu, Modal, Stack, Text, TextInput, Alert } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import type { RowSelectionState } from "@tanstack/react-table";
import { IconDots } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { useQuery } from "urql";

import { graphql } from "../../generated";
import type { UserFilter, UsersQuery } from "../../generated/graphql";
import { AllocateLicenses, Told } from "../parts/AllocateLicenses";
import { AllowedButton } from "../parts/Allowed";
import { type Column, DataList, START } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { Reallocate } from "../parts/Reallocate";
import { SaveModal } from "../parts/SaveModal";
import { Heading } from "../parts/Shell";
import { preview, useSave } from "../save";
import { useSession } from "../session";
import { count, day, word } from "../words";

const USERS = graphql(`
  query Users($filter: UserFilter, $first: Int, $after: String, $last: Int, $before: String) {
    users(scope: OWN, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id name email department role status lastSignInAt license { id type expiresAt } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const MAY = graphql(`
  query UsersMay($id: ID!) {
    company(id: $id) { id viewerCan { addUsers { allowed reason } allocateLicenses { allowed reason } } }
  }
`);
const ADD = graphql(`
  mutation AddUsers($input: AddUsersInput!) {
    addUsers(input: $input) { users { id name email } licenses { id } shortage errors { code message path } }
  }
`);
const REMOVE = graphql(`
  mutation RemoveUsers($input: RemoveUsersInput!) {
    removeUsers(input: $input) { users { id name status } licenses { id status } errors { code message path } }
  }
`);
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
const nameOf = ({ name, email }: User) => name || email;

export function Component() {
  const session = useSession()!;
  const navigate = useNavigate();
  const filters = useFilters(FIELDS);
  const [isAdding, adding] = useDisclosure();
  const [{ data }] = useQuery({ query: MAY, variables: { id: session.companyId } });
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
        <Download name="users" />
      </Group>
      <Page key={filters.key} filter={filters.filter as UserFilter} mayAllocate={may?.allocateLicenses} mayRemove={may?.addUsers} />
      <AddUser isOpen={isAdding} onClose={adding.close} />
    </Stack>
  );
}

interface May {
  allowed: boolean;
  reason?: string | null;
}

function Page({ filter, mayAllocate, mayRemove }: { filter: UserFilter; mayAllocate?: May; mayRemove?: May }) {
  const [place, setPlace] = useState(START);
  const [selected, setSelected] = useState<RowSelectionState>({});
  const [isAllocating, allocating] = useDisclosure();
  const [isRemoving, removing] = useDisclosure();
  const [moved, setMoved] = useState<User | null>(null);
  const [{ data, error }, again] = useQuery({ query: USERS, variables: { filter, ...place } });
  const ids = (data?.users.edges ?? []).map(({ node }) => node.id).filter((id) => selected[id]);
  const columns = useMemo<Column<User>[]>(() => [
    { id: "name", header: "Name", cell: (user) => <><Text size="sm">{nameOf(user)}</Text><Text size="xs" c="dimmed">{user.email}</Text></> },
    { id: "department", header: "Department", cell: ({ department }) => department ?? "–" },
    { id: "role", header: "Role", cell: ({ role, status }) => <>{word(role)} {status !== "ACTIVE" && <Badge variant="default" size="sm">{word(status)}</Badge>}</> },
    {
      id: "license",
      header: "License",
      cell: ({ license }) => license ? `${word(license.type)}${license.expiresAt ? ` until ${day(license.expiresAt)}` : ""}` : "–",
    },
    { id: "lastSignInAt", header: "Last sign-in", cell: ({ lastSignInAt }) => day(lastSignInAt) },
    {
      id: "actions",
      header: "Actions",
      cell: (user) => user.license && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${nameOf(user)}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown><Menu.Item onClick={() => setMoved(user)}>Reallocate</Menu.Item></Menu.Dropdown>
        </Menu>
      ),
    },
  ], []);
  const selecting = { allowed: false, reason: "Select people first." };

  return (
    <Stack gap="xs">
      <Group gap="xs">
        <AllowedButton size="xs" variant="light" permission={ids.length > 0 ? mayAllocate : selecting} onClick={allocating.open}>Allocate Licenses</AllowedButton>
        <AllowedButton size="xs" variant="light" color="red" permission={ids.length > 0 ? mayRemove : selecting} onClick={removing.open}>Remove</AllowedButton>
        {ids.length > 0 && <Text size="sm">{ids.length} selected</Text>}
      </Group>
      <DataList label="Users" one="person" many="people" columns={columns} connection={data?.users} error={error} onRetry={again}
        onPlace={(next) => { setSelected({}); setPlace(next); }} nameOf={nameOf} selected={selected} onSelect={setSelected}
        empty="Nobody is here. Add User adds one, and Import CSV many." />
      <AllocateLicenses isOpen={isAllocating} onClose={allocating.close} userIds={ids} onDone={() => setSelected({})} />
      <RemoveUsers isOpen={isRemoving} onClose={removing.close} userIds={ids} onDone={() => setSelected({})} />
      <Reallocate license={moved?.license ? { ...moved.license, user: moved } : null} onClose={() => setMoved(null)} />
    </Stack>
  );
}

function AddUser({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const form = useForm({ initialValues: { users: [{ firstName: "", lastName: "", email: "", department: "" }], allocate: true } });
  const { save, isSaving } = useSave(ADD);
  return (
    <SaveModal title="Add User" isOpen={isOpen} onClose={onClose} form={form} isSaving={isSaving}
      fields={["email", "firstName", "lastName", "department"].map((name) => `users.0.${name}`)}
      onSave={({ users, allocate }) => save({ users, allocate })}
      onSaved={({ users, licenses }: { users: { email: string }[]; licenses: unknown[] }) => {
        form.reset();
        notifications.show({ message: `${users[0]?.email} is added${licenses.length > 0 ? ", with a license" : ""}.` });
      }}>
      <TextInput label="First name" data-autofocus {...form.getInputProps("users.0.firstName")} />
      <TextInput label="Last name" {...form.getInputProps("users.0.lastName")} />
      <TextInput label="Email" type="email" {...form.getInputProps("users.0.email")} />
      <TextInput label="Department" {...form.getInputProps("users.0.department")} />
      <Checkbox label="Allocate a license" {...form.getInputProps("allocate", { type: "checkbox" })} />
    </SaveModal>
  );
}

interface Removing {
  isOpen: boolean;
  onClose: () => void;
  onDone: () => void;
  userIds: string[];
}

function RemoveUsers({ isOpen, onClose, onDone, userIds }: Removing) {
  const { save, isSaving } = useSave(REMOVE, false);
  const [would, setWould] = useState<{ names: string[]; freed: number }>();
  const [wrong, setWrong] = useState("");
  const ids = userIds.join(" ");

  useEffect(() => {
    if (!isOpen) return;
    let isWanted = true;
    setWould(undefined);
    setWrong("");
    void preview(REMOVE, { userIds: ids.split(" ") }).then(({ users, licenses, errors }) => {
      if (!isWanted) return;
      if (errors.length > 0) setWrong(errors.map(({ message }) => message).join(" "));
      else setWould({ names: users.map(({ name }) => name), freed: licenses.length });
    });
    return () => {
      isWanted = false;
    };
  }, [isOpen, ids]);

  async function remove() {
    const done = await save({ userIds });
    if (!done) return;
    if (done.errors.length > 0) {
      setWrong(done.errors.map(({ message }) => message).join(" "));
      return;
    }
    notifications.show({ message: `${count(done.users.length, "person", "people")} removed.` });
    onDone();
    onClose();
  }

  return (
    <Modal opened={isOpen} onClose={onClose} title="Remove" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        {would && <Told title={`Will be removed (${would.names.length})`} lines={would.names} none="Nobody." />}
        {would && <Text size="sm">{count(would.freed, "license")} will be available again. The history is kept.</Text>}
        {wrong && <Alert color="red" role="alert">{wrong}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>Cancel</Button>
          <Button color="red" loading={isSaving} disabled={!would} onClick={() => void remove()}>Remove {count(userIds.length, "person", "people")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
