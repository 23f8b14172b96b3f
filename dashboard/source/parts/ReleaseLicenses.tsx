import { Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { apart, count, list, number } from "../words";
import { called } from "./Called";
import type { Held } from "./Reallocate";
import { Confirm } from "./SaveModal";
import { Told } from "./Told";

const RELEASE = graphql(`
  mutation ReleaseLicenses($input: ReleaseLicensesInput!) {
    releaseLicenses(input: $input) {
      licenses { id status }
      users { id name email license { id } }
      errors { code message path }
    }
  }
`);

/** From whom licenses are taken back, before it happens. */
export default function ReleaseLicenses({ held, onClose, onDone }: { held: Held[]; onClose: () => void; onDone?: () => void }) {
  const licenseIds = held.map(({ id }) => id);
  const { save, isSaving } = useSave(RELEASE, false);
  const would = useWould(RELEASE, { licenseIds });
  const result = would?.errors.length === 0 ? would : undefined;
  const left = result?.users.length ?? licenseIds.length;
  return (
    <Confirm title="Release" action={`Release ${count(left, "license")}`} would={would} isDisabled={left === 0} isSaving={isSaving} onClose={onClose}
      names={Object.fromEntries(held.map(({ user }, place) => [`licenseIds.${place}`, user?.name ?? ""]))}
      onSave={() => save({ licenseIds }, would)}
      onSaved={({ users }) => {
        const others = users.filter(({ id }) => !result?.users.some((user) => user.id === id)).map(({ name }) => apart(name));
        const byThen = others.length > 0 ? ` By then with ${list(others)}.` : "";
        const free = left > users.length ? ` By then with nobody: ${number(left - users.length)}.` : "";
        notifications.show({ message: `${count(users.length, "license")} released.${byThen}${free}` });
        onDone?.();
      }}>
      {result && <Told title={`Without a license then (${number(result.users.length)})`} lines={result.users.map(called)}
        none={held.length === 1 ? "Nobody has this license any more." : "Nobody has these licenses any more."} />}
      <Text size="sm">What is released is available again, for the time that is left. Nobody is mailed.</Text>
    </Confirm>
  );
}
