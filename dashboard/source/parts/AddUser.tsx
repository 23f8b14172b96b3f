import { Checkbox, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave } from "../save";
import { SaveModal } from "./SaveModal";

const ADD = graphql(`
  mutation AddUsers($input: AddUsersInput!) {
    addUsers(input: $input) { users { id name email } licenses { id } shortage errors { code message path } }
  }
`);

export default function AddUser({ onClose }: { onClose: () => void }) {
  const form = useForm({ initialValues: { users: [{ firstName: "", lastName: "", email: "", department: "" }], allocate: true } });
  const { save, isSaving } = useSave(ADD);
  return (
    <SaveModal title="Add User" would={null} onClose={onClose} form={form} isSaving={isSaving} onSave={(values) => save({ ...values, onShortage: "PARTIAL" })}
      fields={["email", "firstName", "lastName", "department"].map((name) => `users.0.${name}`)}
      onSaved={({ users, licenses, shortage }) => {
        const license = licenses.length > 0 ? ", with a license" : shortage > 0 ? " without a license: none is available" : "";
        notifications.show({ message: `${users[0]?.email} is added${license}.` });
      }}>
      <TextInput label="First name" data-autofocus {...form.getInputProps("users.0.firstName")} />
      <TextInput label="Last name" {...form.getInputProps("users.0.lastName")} />
      <TextInput label="Email" type="email" {...form.getInputProps("users.0.email")} />
      <TextInput label="Department" {...form.getInputProps("users.0.department")} />
      <Checkbox label="Allocate a license, if one is available" {...form.getInputProps("allocate", { type: "checkbox" })} />
    </SaveModal>
  );
}
