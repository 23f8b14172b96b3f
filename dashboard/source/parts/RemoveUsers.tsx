import { Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { count, number } from "../words";
import type { Person } from "./AllocateLicenses";
import { called } from "./Called";
import { Confirm } from "./SaveModal";
import { Told } from "./Told";

const REMOVE = graphql(`
  mutation RemoveUsers($input: RemoveUsersInput!) {
    removeUsers(input: $input) { users { id name email status } licenses { id status } errors { code message path } }
  }
`);

/** Who goes, and how many licenses that frees, before it happens. */
export default function RemoveUsers({ people, onClose, onDone }: { people: Person[]; onClose: () => void; onDone: () => void }) {
  const userIds = people.map(({ id }) => id);
  const { save, isSaving } = useSave(REMOVE, false);
  const would = useWould(REMOVE, { userIds });
  const result = would?.errors.length === 0 ? would : undefined;
  return (
    <Confirm title="Remove" action={`Remove ${count(userIds.length, "person", "people")}`} color="red" would={would} isSaving={isSaving}
      names={Object.fromEntries(people.map(({ name }, place) => [`userIds.${place}`, name]))}
      onClose={onClose} onSave={() => save({ userIds }, would)}
      onSaved={({ users }) => {
        notifications.show({ message: `${count(users.length, "person", "people")} removed.` });
        onDone();
      }}>
      {result && <Told title={`Will be removed (${number(result.users.length)})`} lines={result.users.map(called)} />}
      {result && <Text size="sm">{count(result.licenses.length, "license")} will be available again. The history is kept.</Text>}
    </Confirm>
  );
}
