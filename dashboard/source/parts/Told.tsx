import { List, Text } from "@mantine/core";

import { number } from "../words";

const SHOWN = 20;

/** Of many, the first, and how many more there are. */
export function Told({ title, lines, none = "Nobody." }: { title: string; lines: string[]; none?: string }) {
  return (
    <div role="group" aria-label={title}>
      <Text fw={600} size="sm">{title}</Text>
      {lines.length === 0 && <Text size="sm" c="dimmed">{none}</Text>}
      <List size="sm">
        {lines.slice(0, SHOWN).map((line, place) => <List.Item key={place}>{line}</List.Item>)}
        {lines.length > SHOWN && <List.Item>and {number(lines.length - SHOWN)} more</List.Item>}
      </List>
    </div>
  );
}
