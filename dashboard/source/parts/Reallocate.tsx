import { Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { graphql } from "../graphql";
import { useRead } from "../reading";
import { useSave, useWould } from "../save";
import { apart, day } from "../words";
import { called } from "./Called";
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

/** To whom a license goes, for the time that is left. */
export default function Reallocate({ license, onClose }: { license: Held; onClose: () => void }) {
  const form = useForm({ initialValues: { userId: null as string | null } });
  const { save, isSaving } = useSave(REALLOCATE);
  const [sought, seek] = useState("");
  const filter = { licenseStatus: ["NONE" as const, "EXPIRED" as const], ...(sought && { or: [{ name: { contains: sought } }, { email: { contains: sought } }] }) };
  const [{ data }] = useRead({ query: CANDIDATES, variables: { filter } });
  const { userId } = form.values;
  const would = useWould(REALLOCATE, userId ? { licenseId: license.id, userId } : null);

  return (
    <SaveModal title="Reallocate" onClose={onClose} form={form} fields={["userId"]} isSaving={isSaving} would={userId ? would : null} isDisabled={!userId}
      onSave={({ userId }) => save({ licenseId: license.id, userId: userId ?? "" }, would)}
      onSaved={({ license, previousUser }) => {
        const byThen = previousUser?.id === would?.previousUser?.id ? "" : ` By then it was with ${apart(previousUser?.name)}.`;
        notifications.show({ message: `The license is with ${apart(license?.user?.name)} now.${byThen}` });
      }}>
      <Text size="sm">
        From {apart((would?.previousUser ?? license.user)?.name)}, for the time that is left{license.expiresAt ? `: until ${day(license.expiresAt)}` : ""}.
      </Text>
      <Seek label="To" description="People without a license" placeholder="Part of a name or an address" data-autofocus nothingFoundMessage="Nobody without a license fits." onSeek={seek}
        found={data?.users.edges.map(({ node }) => ({ id: node.id, text: called(node) })) ?? []}
        {...form.getInputProps("userId")} />
      {would?.license && <Text size="sm" role="status">{apart(would.license.user?.name)} will have it, and {apart(would.previousUser?.name)} will be without a license. Nobody is mailed.</Text>}
    </SaveModal>
  );
}
