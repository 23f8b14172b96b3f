import { Alert, Button, Container, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";

import { UNREACHED } from "../asking";
import { focusHeading } from "../focus";

/** In the place of what has failed, or could not be loaded: without a connection, or after a newer Canopy took its files away. */
export function Failed() {
  const [isAway, setAway] = useState(false);
  useEffect(focusHeading, []);

  /** Not before there is something to load: the browser's own page has no way back. */
  async function again() {
    try {
      await fetch("/", { cache: "no-store" });
      location.reload();
    } catch {
      setAway(true);
    }
  }

  return (
    <Container size="xs" p="md">
      <Title order={1} size="h2" tabIndex={-1} mb="md" style={{ outline: "none" }}>This could not be shown</Title>
      <Alert color="red" role="alert">
        <Text size="sm">
          {isAway
            ? UNREACHED
            : "The connection is lost, or there is a newer Canopy now, or something in this page has failed. What was saved is saved."}
        </Text>
        <Button mt="sm" size="xs" variant="default" onClick={() => void again()}>Load again</Button>
      </Alert>
    </Container>
  );
}
