import { Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";

import { useFocusKept } from "../focus";
import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { apart, wasMailed } from "../words";
import { AllowedButton, type Permission } from "./Allowed";
import { called } from "./Called";
import { Confirm, SaveModal } from "./SaveModal";

const ADD = graphql(`
  mutation AddManager($input: AddManagerInput!) {
    addManager(input: $input) { user { id name email role } notifications { id recipient } errors { code message path } }
  }
`);
const REMOVE = graphql(`
  mutation RemoveManager($input: RemoveManagerInput!) {
    removeManager(input: $input) { user { id name role } errors { code message path } }
  }
`);
const EMPTY = { person: { firstName: "", lastName: "", email: "" } };

interface Manager {
  id: string;
  name: string;
  email: string;
}
interface Company {
  id: string;
  name: string;
  managers: Manager[];
}

/** Who runs a company. */
export function Managers({ company, permission }: { company: Company; permission: Permission }) {
  const [isAdding, adding] = useDisclosure();
  const [leaving, setLeaving] = useState<Manager | null>(null);
  const kept = useFocusKept(company.managers);
  return (
    <Card withBorder component="section" aria-label="Managers" {...kept}>
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4">Managers</Title>
        <AllowedButton size="xs" variant="default" permission={permission} onClick={adding.open}>Add Manager</AllowedButton>
      </Group>
      <Stack gap="xs">
        {company.managers.length === 0 && <Text size="sm" c="dimmed">Nobody yet. Add Manager mails a link to set a password.</Text>}
        {company.managers.map((manager) => (
          <Group key={manager.id} justify="space-between" wrap="nowrap">
            <Text size="sm">{called(manager)}</Text>
            <AllowedButton size="xs" variant="subtle" color="red" permission={permission} onClick={() => setLeaving(manager)}
              aria-label={`Remove ${manager.name}`}>
              Remove
            </AllowedButton>
          </Group>
        ))}
      </Stack>
      {isAdding && <AddManager companyId={company.id} onClose={adding.close} />}
      {leaving && <RemoveManager manager={leaving} onClose={() => setLeaving(null)} />}
    </Card>
  );
}

function AddManager({ companyId, onClose }: { companyId: string; onClose: () => void }) {
  const form = useForm({ initialValues: EMPTY });
  const { save, isSaving } = useSave(ADD);
  const would = useWould(ADD, { companyId, ...form.values });
  return (
    <SaveModal title="Add Manager" onClose={onClose} form={form} isSaving={isSaving} fields={["person.firstName", "person.lastName", "person.email"]}
      onSave={(values) => save({ companyId, ...values })} would={would}
      onSaved={({ user, notifications: mails }) =>
        notifications.show({ title: `${apart(user?.name)} is a manager now`, message: wasMailed(mails) })}>
      <TextInput label="First name" data-autofocus {...form.getInputProps("person.firstName")} />
      <TextInput label="Last name" {...form.getInputProps("person.lastName")} />
      <TextInput label="Email" type="email" description="Gets a mail with a link to set a password" {...form.getInputProps("person.email")} />
    </SaveModal>
  );
}

function RemoveManager({ manager, onClose }: { manager: Manager; onClose: () => void }) {
  const { save, isSaving } = useSave(REMOVE, false);
  const input = { userId: manager.id };
  const would = useWould(REMOVE, input);
  return (
    <Confirm title="Remove Manager" action="Remove" color="red" would={would} isSaving={isSaving} onClose={onClose}
      onSave={() => save(input)}
      onSaved={() => notifications.show({ message: `${apart(manager.name)} is a learner now.` })}>
      <Text size="sm">{apart(manager.name)} stays in the company as a learner, and manages it no longer. Nobody is mailed.</Text>
    </Confirm>
  );
}
