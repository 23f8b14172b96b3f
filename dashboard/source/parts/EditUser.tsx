import { SimpleGrid, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave } from "../save";
import { apart } from "../words";
import { SaveModal } from "./SaveModal";

const UPDATE = graphql(`
  mutation UpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) { user { id name email firstName lastName department externalId } errors { code message path } }
  }
`);
const FIELDS = ["firstName", "lastName", "email", "department", "externalId"];

interface Known {
  id: string;
  name: string;
  email: string;
  firstName: string;
  lastName: string;
  department?: string | null;
  externalId?: string | null;
}

export default function EditUser({ user, onClose }: { user: Known; onClose: () => void }) {
  const { save, isSaving } = useSave(UPDATE, false);
  const { firstName, lastName, email } = user;
  const form = useForm({ initialValues: { firstName, lastName, email, department: user.department ?? "", externalId: user.externalId ?? "" } });
  return (
    <SaveModal title={`Edit ${apart(user.name)}`} would={null} onClose={onClose} form={form} fields={FIELDS} isSaving={isSaving}
      onSave={({ department, externalId, ...others }) =>
        save({ userId: user.id, ...others, department: department || null, externalId: externalId || null })}
      onSaved={({ user }) => notifications.show({ message: `${apart(user?.name)} is saved.` })}>
      <SimpleGrid cols={2}>
        <TextInput label="First name" data-autofocus {...form.getInputProps("firstName")} />
        <TextInput label="Last name" {...form.getInputProps("lastName")} />
      </SimpleGrid>
      <TextInput label="Email" type="email" {...form.getInputProps("email")} />
      <TextInput label="Department" {...form.getInputProps("department")} />
      <TextInput label="External id" description="What a directory of yours calls them" {...form.getInputProps("externalId")} />
    </SaveModal>
  );
}
