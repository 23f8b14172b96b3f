import { List, Text } from "@mantine/core";

import { number } from "../words";

const SHOWN = 20;

interface Props {
  title: string;
  lines: string[];
  /** How many there are, where not all of the lines are here. */
  all?: number;
  none?: string;
}

/** Of many, the first, and how many more there are. */
export function Told({ title, lines, all = lines.length, none = "Nobody." }: Props) {
  return (
    <div role="group" aria-label={title}>
      <Text fw={600} size="sm">{title}</Text>
      {lines.length === 0 && <Text size="sm" c="dimmed">{none}</Text>}
      <List size="sm">
        {lines.slice(0, SHOWN).map((line, place) => <List.Item key={place}>{line}</List.Item>)}
        {all > SHOWN && <List.Item>and {number(all - SHOWN)} more</List.Item>}
      </List>
    </div>
  );
}
