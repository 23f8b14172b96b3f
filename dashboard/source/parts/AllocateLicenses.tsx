import { Center, Loader } from "@mantine/core";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { count, day } from "../words";
import { Confirm } from "./SaveModal";
import { Told } from "./Told";

const ALLOCATE = graphql(`
  mutation AllocateLicenses($input: AllocateLicensesInput!) {
    allocateLicenses(input: $input) {
      licenses { id status expiresAt user { id name email } }
      alreadyLicensed { id name email }
      shortage
      errors { code message path }
    }
  }
`);

interface Props {
  onClose: () => void;
  onDone: () => void;
  /** Whom it is about: those chosen, or all whose license has expired. */
  whom: { userIds: string[] } | { allExpired: true };
}

/** Who will get a license and who will not, before it happens. */
export function AllocateLicenses({ onClose, onDone, whom }: Props) {
  const input = { ...whom, onShortage: "PARTIAL" as const };
  const { save, isSaving } = useSave(ALLOCATE);
  const would = useWould(ALLOCATE, input);
  const result = would?.licenses ? would : undefined;
  const renewed = result?.licenses.map(({ user, expiresAt }) => `${user?.name || user?.email}, until ${day(expiresAt)}`) ?? [];
  const held = result?.alreadyLicensed.map(({ name, email }) => `${name || email} has a license already`) ?? [];
  const unserved = result && result.shortage > 0 ? [`${count(result.shortage, "person", "people")} for whom no license is available`] : [];

  return (
    <Confirm title="Allocate Licenses" action={`Allocate ${count(renewed.length, "license")}`} would={would} isDisabled={renewed.length === 0}
      isSaving={isSaving} onClose={onClose} onSave={() => save(input)}
      onSaved={({ licenses }) => {
        notifications.show({ message: `${count(licenses.length, "license")} allocated.` });
        onDone();
      }}>
      {!would && <Center p="md"><Loader role="status" aria-label="Loading" /></Center>}
      {result && <Told title={`Will renew (${renewed.length})`} lines={renewed} none="Nobody." />}
      {result && <Told title={`Will not (${held.length + result.shortage})`} lines={[...held, ...unserved]} none="Everybody selected gets one." />}
    </Confirm>
  );
}
