import { Alert, Anchor, Button, Center, Divider, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { graphql } from "../graphql";
import { tellOnce } from "../asking";
import { signIn } from "../signing";
import { said } from "../words";

const RESET = graphql(`
  mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) { errors { code message path } }
  }
`);

interface Known {
  email: string;
  who: string;
  password: string;
}

export function SignIn() {
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const [missing, setMissing] = useState("");
  const [known, setKnown] = useState<Known[]>([]);
  const [wrong, setWrong] = useState("");
  const [told, setTold] = useState("");
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    document.title = "Sign in – Canopy";
    void fetch("/demo.json").then((response) => response.json()).then(setKnown, () => undefined);
  }, []);

  async function attempt(done: () => Promise<void>) {
    setBusy(true);
    setWrong("");
    setTold("");
    try {
      await done();
    } catch (error) {
      setWrong((error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  function enter(event: FormEvent) {
    event.preventDefault();
    void attempt(() => signIn(email.current!.value, password.current!.value));
  }

  async function forgotten() {
    const { value } = email.current!;
    if (!value) {
      setMissing("Say which address.");
      email.current!.focus();
      return;
    }
    const { requestPasswordReset } = await tellOnce(RESET, { input: { email: value } });
    const [refusal] = requestPasswordReset.errors;
    if (refusal) throw new Error(said(refusal.message));
    setTold("If this address is known here, a mail with a link is on its way to it.");
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <Stack w="100%" maw={420}>
        <Title order={1}>Canopy</Title>
        <Paper withBorder p="lg" radius="md">
          <form onSubmit={enter}>
            <Stack>
              <TextInput label="Email" type="email" autoComplete="username" required withAsterisk={false} autoFocus
                ref={email} error={missing} onChange={() => setMissing("")} />
              <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false}
                visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
                ref={password} />
              {wrong && <Alert color="red" role="alert">{wrong}</Alert>}
              {told && <Alert role="status">{told}</Alert>}
              <Button type="submit" loading={isBusy}>Sign in</Button>
              <Anchor component="button" type="button" size="sm" onClick={() => void attempt(forgotten)}>
                Forgotten your password?
              </Anchor>
            </Stack>
          </form>
        </Paper>
        {known.length > 0 && (
          <>
            <Divider label="This is a demo: sign in as" />
            <Stack gap="xs">
              {known.map(({ email, who, password }) => (
                <Button key={email} variant="default" h="auto" py={6} justify="flex-start" disabled={isBusy} onClick={() => void attempt(() => signIn(email, password))}>
                  <Stack gap={0} align="flex-start">
                    <Text size="sm">{email}</Text>
                    <Text size="xs" c="dimmed" ta="left" style={{ whiteSpace: "normal" }}>{who}</Text>
                  </Stack>
                </Button>
              ))}
            </Stack>
          </>
        )}
      </Stack>
    </Center>
  );
}
