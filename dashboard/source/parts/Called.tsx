import { Text } from "@mantine/core";

import { apart } from "../words";

interface Named {
  /** Or the address, where nobody gave one. */
  name: string;
  email: string;
}

export const called = ({ name, email }: Named) => (name === email ? email : `${apart(name)}, ${email}`);

/** In a list. */
export function Called({ person: { name, email } }: { person: Named }) {
  return (
    <>
      <Text size="sm">{name}</Text>
      {name !== email && <Text size="xs" c="dimmed">{email}</Text>}
    </>
  );
}
