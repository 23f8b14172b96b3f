import { NativeSelect, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQuery } from "urql";

import { graphql } from "../../generated";
import { useSave } from "../save";
import { day } from "../words";
import { SaveModal } from "./SaveModal";

const REALLOCATE = graphql(`
  mutation ReallocateLicense($input: ReallocateLicenseInput!) {
    reallocateLicense(input: $input) {
      license { id status user { id name email } }
      previousUser { id name license { id } }
      errors { code message path }
    }
  }
`);
const CANDIDATES = graphql(`
  query Candidates($filter: UserFilter) {
    users(scope: OWN, first: 50, filter: $filter) { edges { node { id name email } } }
  }
`);

export interface Held {
  id: string;
  expiresAt?: string | null;
  user?: { name: string; email: string } | null;
}

/** To whom a license goes, for the time that is left. */
export function Reallocate({ license, onClose }: { license: Held | null; onClose: () => void }) {
  const form = useForm({ initialValues: { userId: "", search: "" } });
  const { save, isSaving } = useSave(REALLOCATE);
  const [sought] = useDebouncedValue(form.values.search, 250);
  const filter = { licenseStatus: ["NONE" as const, "EXPIRED" as const], ...(sought && { name: { contains: sought } }) };
  const [{ data }] = useQuery({ query: CANDIDATES, variables: { filter }, pause: !license });
  const people = data?.users.edges.map(({ node }) => node) ?? [];
  const chosen = people.some(({ id }) => id === form.values.userId) ? form.values.userId : people[0]?.id ?? "";

  return (
    <SaveModal title="Reallocate" isOpen={Boolean(license)} onClose={onClose} form={form} fields={["userId"]} isSaving={isSaving}
      onSave={() => save({ licenseId: license!.id, userId: chosen })}
      onSaved={({ license: moved }: { license: { user: { name: string } } }) => {
        notifications.show({ message: `The license is with ${moved.user.name} now.` });
        form.reset();
      }}>
      <Text size="sm">
        From {license?.user?.name || license?.user?.email}, for the time that is left{license?.expiresAt ? `: until ${day(license.expiresAt)}` : ""}.
      </Text>
      <TextInput label="Search" type="search" data-autofocus placeholder="Part of a name" {...form.getInputProps("search")} />
      <NativeSelect label="To" data={people.map(({ id, name, email }) => ({ value: id, label: name ? `${name}, ${email}` : email }))}
        description={people.length === 0 ? "Nobody without a license fits." : "People without a license"}
        {...form.getInputProps("userId")} value={chosen} />
    </SaveModal>
  );
}
