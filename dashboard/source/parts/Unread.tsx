import { Alert, Button, Text } from "@mantine/core";
import type { CombinedError } from "urql";

import { explained } from "../asking";
import { askAgain } from "../reading";

/** In the place of what could not be read. */
export function Unread({ error }: { error: CombinedError }) {
  return (
    <Alert color="red" title="This could not be read" role="alert">
      <Text size="sm">{explained(error)}</Text>
      <Button mt="sm" size="xs" variant="default" onClick={askAgain}>Try again</Button>
    </Alert>
  );
}
