import { Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave } from "../save";
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

interface Props {
  company: { id: string; name: string; status: string };
  onClose: () => void;
}

export function ArchiveCompany({ company, onClose }: Props) {
  const { save, isSaving } = useSave(ARCHIVE, false);
  return (
    <Confirm title={`Archive ${company.name}`} action="Archive" color="red" would={null} isSaving={isSaving} onClose={onClose}
      onSave={() => save({ companyId: company.id })} onSaved={() => notifications.show({ message: `${company.name} is archived.` })}>
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
