import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { count, day, number } from "../words";
import { Confirm } from "./SaveModal";
import { Told } from "./Told";

const ALLOCATE = graphql(`
  mutation AllocateLicenses($input: AllocateLicensesInput!) {
    allocateLicenses(input: $input) {
      licenses { id status expiresAt user { id name email } }
      alreadyLicensed { id name email }
      withoutLicense { id name email }
      shortage
      errors { code message path }
    }
  }
`);

export interface Person {
  id: string;
  name: string;
  email: string;
  status: string;
}
interface Props {
  onClose: () => void;
  onDone: () => void;
  /** Whom it is about: those chosen, or all whose license has expired. */
  whom: Person[] | "allExpired";
}

const nameOf = ({ name, email }: { name: string; email: string }) => name || email;
const isGone = ({ status }: Person) => status === "REMOVED";

/** Who will get a license and who will not, before it happens. For one who was removed, the API would refuse all. */
export function AllocateLicenses({ onClose, onDone, whom }: Props) {
  const chosen = whom === "allExpired" ? [] : whom;
  const able = chosen.filter((person) => !isGone(person));
  const input = {
    ...(whom === "allExpired" ? { allExpired: true } : { userIds: able.map(({ id }) => id) }),
    onShortage: "PARTIAL" as const,
  };
  const { save, isSaving } = useSave(ALLOCATE);
  const would = useWould(ALLOCATE, input);
  const result = would?.licenses ? would : undefined;
  const renewed = result?.licenses.map(({ user, expiresAt }) => `${user && nameOf(user)}, until ${day(expiresAt)}`) ?? [];
  const left = [
    ...chosen.filter(isGone).map((person) => `${nameOf(person)} was removed`),
    ...(result?.alreadyLicensed ?? []).map((person) => `${nameOf(person)} has a license already`),
    ...(result?.withoutLicense ?? []).map((person) => `${nameOf(person)}: no license is available`),
  ];

  return (
    <Confirm title="Allocate Licenses" action={`Allocate ${count(renewed.length, "license")}`} would={would} isDisabled={renewed.length === 0}
      names={Object.fromEntries(able.map((person, place) => [`userIds.${place}`, nameOf(person)]))}
      isSaving={isSaving} onClose={onClose} onSave={() => save(input)}
      onSaved={({ licenses }) => {
        notifications.show({ message: `${count(licenses.length, "license")} allocated.` });
        onDone();
      }}>
      {result && <Told title={`Will renew (${number(renewed.length)})`} lines={renewed} none="Nobody." />}
      {result && <Told title={`Will not (${number(left.length)})`} lines={left} none="Everybody selected gets one." />}
    </Confirm>
  );
}
