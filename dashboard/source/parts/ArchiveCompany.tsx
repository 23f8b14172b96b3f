import { Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useRead } from "../reading";
import { useSave } from "../save";
import { count, list } from "../words";
import { Confirm } from "./SaveModal";

const ARCHIVE = graphql(`
  mutation ArchiveCompany($input: ArchiveCompanyInput!) {
    archiveCompany(input: $input) { company { id name status } errors { code message path } }
  }
`);
const RESTORE = graphql(`
  mutation RestoreCompany($input: RestoreCompanyInput!) {
    restoreCompany(input: $input) { company { id name status } errors { code message path } }
  }
`);
const REACH = graphql(`
  query ArchiveReach($id: ID!) {
    company(id: $id) { id descendants(first: 0) { totalCount } licenseSummary(scope: SUBTREE) { id allocated requested } }
  }
`);

interface Props {
  company: { id: string; name: string; status: string };
  onClose: () => void;
}

/** Says how far it reaches before it happens. */
export function ArchiveCompany({ company, onClose }: Props) {
  const { save, isSaving } = useSave(ARCHIVE, false);
  const [{ data, error }] = useRead({ query: REACH, variables: { id: company.id }, requestPolicy: "network-only" });
  const { descendants, licenseSummary: counts } = data?.company ?? {};
  return (
    <Confirm title={`Archive ${company.name}`} action="Archive" color="red" would={data || error ? null : undefined} isSaving={isSaving} onClose={onClose}
      onSave={() => save({ companyId: company.id })} onSaved={() => notifications.show({ message: `${company.name} is archived.` })}>
      {descendants && counts && (
        <Text size="sm" role="status">
          It reaches {list([
            count(descendants.totalCount, "company beneath it", "companies beneath it"),
            `${count(counts.allocated, "license")} with ${counts.allocated === 1 ? "a learner" : "learners"}`,
            `${count(counts.requested, "license")} still asked for`,
          ])}.
        </Text>
      )}
      <Text size="sm">
        Signing in, mail and every change end for it and for all beneath it. Its clocks run on, open orders wait, and nothing is deleted:
        Restore brings it back. Nobody is mailed.
      </Text>
    </Confirm>
  );
}

export function RestoreCompany({ company, onClose }: Props) {
  const { save, isSaving } = useSave(RESTORE, false);
  return (
    <Confirm title={`Restore ${company.name}`} action="Restore" would={null} isSaving={isSaving} onClose={onClose}
      onSave={() => save({ companyId: company.id })} onSaved={() => notifications.show({ message: `${company.name} is back.` })}>
      <Text size="sm">What is beneath it comes back with it, unless it was archived itself. Nobody is mailed.</Text>
    </Confirm>
  );
}
