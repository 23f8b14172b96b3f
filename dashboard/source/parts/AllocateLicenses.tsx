import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, useWould } from "../save";
import { apart, count, day, list, number } from "../words";
import { Confirm } from "./SaveModal";
import { Told } from "./Told";

/** As many as a page has, which are all of those that were chosen: only of everybody there may be thousands, of whom no more are shown. */
const ALLOCATE = graphql(`
  mutation AllocateLicenses($input: AllocateLicensesInput!) {
    allocateLicenses(input: $input) {
      licenses(first: 25) { id expiresAt user { id name } }
      alreadyLicensed(first: 25) { id name }
      withoutLicense(first: 25) { id name }
      allocated shortage
      errors { code message path }
    }
  }
`);

export interface Person {
  id: string;
  name: string;
  email: string;
  status: string;
  /** The last stay of a license, of who may never have had one; left out of those whose license has expired. */
  allocations?: { edges: { node: { releaseReason?: string | null } }[] };
}
interface Props {
  onClose: () => void;
  onDone: () => void;
  /** Whom it is about: those chosen, or all whose license has expired. */
  whom: Person[] | "allExpired";
}

/** Whoever had a license until its end, or that of a trial, renews it. */
const RENEWED: unknown[] = ["EXPIRED", "UPGRADED"];
const renews = (person?: Person) => !person?.allocations || RENEWED.includes(person.allocations.edges[0]?.node.releaseReason);
const isFirst = (person?: Person) => person?.allocations?.edges.length === 0;
const isGone = ({ status }: Person) => status === "REMOVED";

/** Who will get a license and who will not, before it happens. For one who was removed, the API would refuse all. */
export default function AllocateLicenses({ onClose, onDone, whom }: Props) {
  const chosen = whom === "allExpired" ? [] : whom;
  const able = chosen.filter((person) => !isGone(person));
  const input = {
    ...(whom === "allExpired" ? { allExpired: true } : { userIds: able.map(({ id }) => id) }),
    onShortage: "PARTIAL" as const,
  };
  const { save, isSaving } = useSave(ALLOCATE);
  const would = useWould(ALLOCATE, input);
  const result = would?.licenses ? would : undefined;
  const handed = result?.licenses.map(({ user, expiresAt }) => {
    const person = able.find(({ id }) => id === user?.id);
    return { renews: renews(person), line: `${apart(user?.name)}${isFirst(person) ? ", a first license" : ""}, ${expiresAt ? `until ${day(expiresAt)}` : "for good"}` };
  }) ?? [];
  const renewed = handed.filter(({ renews }) => renews).map(({ line }) => line);
  const others = handed.filter(({ renews }) => !renews).map(({ line }) => line);
  const left = [
    ...chosen.filter(isGone).map(({ name }) => `${apart(name)} was removed`),
    ...(result?.alreadyLicensed ?? []).map(({ name }) => `${apart(name)} has a license already`),
    ...(result?.withoutLicense ?? []).map(({ name }) => `${apart(name)}: no license is available`),
  ];

  const allocated = result?.allocated ?? 0;
  const allRenewed = allocated - others.length;
  const allLeft = left.length - (result?.withoutLicense.length ?? 0) + (result?.shortage ?? 0);

  /** Who was to get one, and was overtaken in the last moment, is named. */
  function tell(done: NonNullable<typeof result>) {
    const fewer = allocated - done.allocated;
    const expected = result?.licenses.map(({ user }) => user?.id) ?? [];
    const overtaken = [...done.alreadyLicensed, ...done.withoutLicense].filter(({ id }) => expected.includes(id)).map(({ name }) => apart(name));
    const less = fewer > 0 ? `, ${number(fewer)} fewer than was told` : "";
    const who = overtaken.length > 0 ? ` Left out: ${list(overtaken)}.` : "";
    notifications.show({ message: `${count(done.allocated, "license")} allocated${less}.${who}` });
    onDone();
  }

  return (
    <Confirm title="Allocate Licenses" action={`Allocate ${count(allocated, "license")}`} would={would} isDisabled={allocated === 0}
      names={Object.fromEntries(able.map((person, place) => [`userIds.${place}`, person.name]))}
      isSaving={isSaving} onClose={onClose} onSave={() => save(input, would)} onSaved={tell}>
      {renewed.length > 0 && <Told title={`Will renew (${number(allRenewed)})`} lines={renewed} all={allRenewed} />}
      {result && (others.length > 0 || renewed.length === 0) && <Told title={`Will get a license (${number(others.length)})`} lines={others} />}
      {result && <Told title={`Will not (${number(allLeft)})`} lines={left} all={allLeft} none="Everybody selected gets one." />}
    </Confirm>
  );
}
