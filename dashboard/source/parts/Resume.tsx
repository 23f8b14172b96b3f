import { Alert, Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { useAlone, useFocusBack } from "../focus";
import { forget, leave, useHasEnded, useSession } from "../session";
import { isOuterAlive, resume } from "../signing";
import { apart } from "../words";

/** Asks for the password again, over whatever is being done: nothing that was typed is lost. */
export default function Resume() {
  const place = useRef<HTMLDivElement>(null);
  useAlone(place);
  useFocusBack();
  const hasEnded = useHasEnded();
  const session = useSession();
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [canExit, setCanExit] = useState(false);

  useEffect(() => {
    if (hasEnded) void isOuterAlive().then(setCanExit);
  }, [hasEnded]);

  async function again(event: FormEvent) {
    event.preventDefault();
    event.stopPropagation();
    setBusy(true);
    setWrong("");
    try {
      await resume(password);
      setPassword("");
    } catch (error) {
      setWrong((error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal opened={hasEnded} onClose={() => undefined} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false}
      title="Your session has ended" zIndex={1000} portalProps={{ reuseTargetNode: false, ref: place }}>
      <form onSubmit={(event) => void again(event)}>
        <Stack>
          <Text size="sm">
            Sign in again as {session?.email} to go on{session?.isManaging ? ` managing ${apart(session.company)}` : ""}. What you have typed is kept.
          </Text>
          {/* Tells whatever keeps passwords whose it is. */}
          <input type="email" autoComplete="username" value={session?.email ?? ""} readOnly hidden />
          <PasswordInput label="Password" autoComplete="current-password" data-autofocus required withAsterisk={false}
            visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
            value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          {wrong && <Alert color="red" role="alert">{wrong}</Alert>}
          <Group justify="flex-end">
            {canExit
              ? <Button variant="default" onClick={leave}>Exit Manage Mode</Button>
              : <Button variant="default" onClick={forget}>Sign out</Button>}
            <Button type="submit" loading={isBusy}>Sign in</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
