import { Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { graphql } from "../graphql";
import type { CompanyKind } from "../../generated/graphql";
import { useRead } from "../reading";
import { useSave, useWould } from "../save";
import { apart } from "../words";
import { SaveModal } from "./SaveModal";
import { Seek } from "./Seek";

const MOVE = graphql(`
  mutation MoveCompany($input: MoveCompanyInput!) {
    moveCompany(input: $input) { company { id name ancestors { id name } } errors { code message path } }
  }
`);
const PARENTS = graphql(`
  query Parents($filter: CompanyFilter) {
    companies(first: 50, filter: $filter) { edges { node { id name ancestors { id name } } } }
  }
`);
const ABOVE: CompanyKind[] = ["VENDOR", "DISTRIBUTOR", "PARTNER"];

/** Beneath which company it is to hang, with all that is beneath it. */
export default function MoveCompany({ company, onClose }: { company: { id: string; name: string }; onClose: () => void }) {
  const form = useForm({ initialValues: { newParentId: null as string | null } });
  const { save, isSaving } = useSave(MOVE, false);
  const [sought, seek] = useState("");
  const filter = { kind: ABOVE, ...(sought && { name: { contains: sought } }) };
  const [{ data }] = useRead({ query: PARENTS, variables: { filter } });
  const { newParentId } = form.values;
  const would = useWould(MOVE, newParentId ? { companyId: company.id, newParentId } : null);
  const place = [...(would?.company?.ancestors ?? []), company].map(({ name }) => name).join(" › ");
  const parents = data?.companies.edges.map(({ node }) => node).filter(({ id }) => id !== company.id) ?? [];

  return (
    <SaveModal title={`Move ${apart(company.name)}`} action="Move" onClose={onClose} form={form} fields={["newParentId"]} isSaving={isSaving} would={newParentId ? would : null} isDisabled={!newParentId}
      onSave={({ newParentId }) => save({ companyId: company.id, newParentId: newParentId ?? "" })}
      onSaved={({ company }) => notifications.show({ message: `${apart(company?.name)} is beneath ${apart(company?.ancestors.at(-1)?.name)} now.` })}>
      <Text size="sm">All that is beneath it goes along, and so do its open orders. Manage sessions that reached it from its old place end. Nobody is mailed.</Text>
      <Seek label="Beneath" data-autofocus onSeek={seek} nothingFoundMessage="No company fits."
        found={parents.map(({ id, name, ancestors }) => ({ id, text: [...ancestors.map((above) => above.name), name].join(" › ") }))}
        {...form.getInputProps("newParentId")} />
      {would?.company && <Text size="sm" role="status">It will be at {place}.</Text>}
    </SaveModal>
  );
}
