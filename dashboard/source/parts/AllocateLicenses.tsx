import { Alert, Button, Center, Group, List, Loader, Modal, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect, useState } from "react";

import { graphql } from "../../generated";
import type { AllocateLicensesMutation } from "../../generated/graphql";
import { preview, useSave } from "../save";
import { count, day } from "../words";

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
type Result = AllocateLicensesMutation["allocateLicenses"];
const SHOWN = 20;

interface Props {
  isOpen: boolean;
  onClose: () => void;
  onDone: () => void;
  userIds: string[];
}

/** Who will get a license and who will not, before it happens. */
export function AllocateLicenses({ isOpen, onClose, onDone, userIds }: Props) {
  const { save, isSaving } = useSave(ALLOCATE);
  const [result, setResult] = useState<Result>();
  const [wrong, setWrong] = useState("");
  const ids = userIds.join(" ");

  useEffect(() => {
    if (!isOpen) return;
    let isWanted = true;
    setResult(undefined);
    setWrong("");
    void preview(ALLOCATE, { userIds: ids.split(" "), onShortage: "PARTIAL" }).then((would) => {
      if (!isWanted) return;
      setResult(would.licenses ? would : undefined);
      setWrong(would.errors.map(({ message }) => message).join(" "));
    });
    return () => {
      isWanted = false;
    };
  }, [isOpen, ids]);

  async function allocate() {
    setWrong("");
    const done = await save({ userIds, onShortage: "PARTIAL" });
    if (!done) return;
    if (done.errors.length > 0) {
      setWrong(done.errors.map(({ message }) => message).join(" "));
      return;
    }
    notifications.show({ message: `${count(done.licenses.length, "license")} allocated.` });
    onDone();
    onClose();
  }

  const renewed = result?.licenses.map(({ user, expiresAt }) => `${user?.name || user?.email}, until ${day(expiresAt)}`) ?? [];
  const held = result?.alreadyLicensed.map(({ name, email }) => `${name || email} has a license already`) ?? [];
  const unserved = result && result.shortage > 0 ? [`${count(result.shortage, "person", "people")} for whom no license is available`] : [];
  return (
    <Modal opened={isOpen} onClose={onClose} title="Allocate Licenses" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        {!result && !wrong && <Center p="md"><Loader role="status" aria-label="Loading" /></Center>}
        {result && <Told title={`Will renew (${renewed.length})`} lines={renewed} none="Nobody." />}
        {result && <Told title={`Will not (${held.length + (result.shortage || 0)})`} lines={[...held, ...unserved]} none="Everybody selected gets one." />}
        {wrong && <Alert color="red" role="alert">{wrong}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>Cancel</Button>
          <Button loading={isSaving} disabled={renewed.length === 0} data-autofocus onClick={() => void allocate()}>Allocate {count(renewed.length, "license")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

export function Told({ title, lines, none }: { title: string; lines: string[]; none: string }) {
  return (
    <div role="group" aria-label={title}>
      <Text fw={600} size="sm">{title}</Text>
      {lines.length === 0 && <Text size="sm" c="dimmed">{none}</Text>}
      <List size="sm">
        {lines.slice(0, SHOWN).map((line) => <List.Item key={line}>{line}</List.Item>)}
        {lines.length > SHOWN && <List.Item>and {lines.length - SHOWN} more</List.Item>}
      </List>
    </div>
  );
}
