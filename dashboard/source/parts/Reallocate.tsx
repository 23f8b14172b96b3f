import { Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { graphql } from "../graphql";
import { useRead } from "../reading";
import { useSave, useWould } from "../save";
import { day } from "../words";
import { SaveModal } from "./SaveModal";
import { Seek } from "./Seek";

const REALLOCATE = graphql(`
  mutation ReallocateLicense($input: ReallocateLicenseInput!) {
    reallocateLicense(input: $input) {
      license { id status user { id name email } }
      previousUser { id name email license { id } }
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

const nameOf = (user?: { name: string; email: string } | null) => user?.name || user?.email;

/** To whom a license goes, for the time that is left. */
export function Reallocate({ license, onClose }: { license: Held; onClose: () => void }) {
  const form = useForm({ initialValues: { userId: null as string | null } });
  const { save, isSaving } = useSave(REALLOCATE);
  const [sought, seek] = useState("");
  const filter = { licenseStatus: ["NONE" as const, "EXPIRED" as const], ...(sought && { name: { contains: sought } }) };
  const [{ data }] = useRead({ query: CANDIDATES, variables: { filter } });
  const { userId } = form.values;
  const would = useWould(REALLOCATE, userId ? { licenseId: license.id, userId } : null);

  return (
    <SaveModal title="Reallocate" onClose={onClose} form={form} fields={["userId"]} isSaving={isSaving} would={userId ? would : null} isDisabled={!userId}
      onSave={({ userId }) => save({ licenseId: license.id, userId: userId ?? "" })}
      onSaved={({ license }) => notifications.show({ message: `The license is with ${nameOf(license?.user)} now.` })}>
      <Text size="sm">
        From {nameOf(license.user)}, for the time that is left{license.expiresAt ? `: until ${day(license.expiresAt)}` : ""}.
      </Text>
      <Seek label="To" description="People without a license" data-autofocus nothingFoundMessage="Nobody without a license fits." onSeek={seek}
        found={data?.users.edges.map(({ node: { id, name, email } }) => ({ id, text: name ? `${name}, ${email}` : email })) ?? []}
        {...form.getInputProps("userId")} />
      {would?.license && <Text size="sm" role="status">{nameOf(would.license.user)} will have it, and {nameOf(would.previousUser)} will be without a license. Nobody is mailed.</Text>}
    </SaveModal>
  );
}
