import { Alert, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import type { CombinedError } from "urql";

import { graphql } from "../graphql";
import { explained } from "../asking";
import { useRead } from "../reading";
import { useSave, useWould } from "../save";
import { apart, count, list } from "../words";
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

/** How far it reaches; undefined until it is known. */
function useReach(id: string) {
  const [{ data, error }] = useRead({ query: REACH, variables: { id }, requestPolicy: "network-only" });
  return { reach: data?.company ?? undefined, error };
}

function Unread({ error }: { error?: CombinedError }) {
  return error && <Alert color="red" role="alert">How far it reaches could not be read. {explained(error)}</Alert>;
}

const beneath = ({ totalCount }: { totalCount: number }) => count(totalCount, "company beneath it", "companies beneath it");

/** Says how far it reaches before it happens. */
export function ArchiveCompany({ company, onClose }: Props) {
  const { save, isSaving } = useSave(ARCHIVE, false);
  const input = { companyId: company.id };
  const would = useWould(ARCHIVE, input);
  const { reach, error } = useReach(company.id);
  return (
    <Confirm title={`Archive ${apart(company.name)}`} action="Archive" color="red" would={would} isDisabled={!reach} isSaving={isSaving} onClose={onClose}
      onSave={() => save(input)} onSaved={() => notifications.show({ message: `${apart(company.name)} is archived.` })}>
      {reach && (
        <Text size="sm" role="status">
          It reaches {list([
            beneath(reach.descendants),
            `${count(reach.licenseSummary.allocated, "license")} with ${reach.licenseSummary.allocated === 1 ? "a learner" : "learners"}`,
            `${count(reach.licenseSummary.requested, "license")} still asked for`,
          ])}.
        </Text>
      )}
      {!reach && <Unread error={error} />}
      <Text size="sm">
        Signing in, mail and every change end for it and for all beneath it. Its clocks run on, open orders wait, and nothing is deleted:
        Restore brings it back. Nobody is mailed.
      </Text>
    </Confirm>
  );
}

/** Says how far it reaches, and where it is of no use because of what is above. */
export function RestoreCompany({ company, onClose }: Props) {
  const { save, isSaving } = useSave(RESTORE, false);
  const input = { companyId: company.id };
  const would = useWould(RESTORE, input);
  const { reach, error } = useReach(company.id);
  return (
    <Confirm title={`Restore ${apart(company.name)}`} action="Restore" would={would} isDisabled={!reach} isSaving={isSaving} onClose={onClose}
      onSave={() => save(input)} onSaved={() => notifications.show({ message: `${apart(company.name)} is back.` })}>
      {reach && <Text size="sm" role="status">It reaches {beneath(reach.descendants)}.</Text>}
      {!reach && <Unread error={error} />}
      {would?.company?.status === "ARCHIVED" && <Alert color="yellow" role="alert">It stays archived until what is above it is restored, too.</Alert>}
      <Text size="sm">What is beneath it comes back with it, unless it was archived itself. Nobody is mailed.</Text>
    </Confirm>
  );
}
