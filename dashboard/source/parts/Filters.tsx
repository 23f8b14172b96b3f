import { Button, CloseButton, Group, NativeSelect, Pill, Popover, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useMemo, useState } from "react";
import { useSearchParams } from "react-router";

import { day, word } from "../words";

type Kind = "text" | "number" | "date" | "choice";
export interface Field {
  name: string;
  label: string;
  kind: Kind;
  options?: readonly string[];
}
interface Condition {
  field: string;
  operator: string;
  value: string;
}

const OPERATORS: Record<Kind, Record<string, string>> = {
  text: { contains: "contains", eq: "is", startsWith: "starts with" },
  number: { eq: "is", gte: "at least", lte: "at most" },
  date: { gte: "on or after", lt: "before" },
  choice: { in: "is" },
};
const PARAMETER = "filter";

function parsed(text: string): Condition | null {
  const [, field, operator, value] = /^(\w+)\.(\w+)\.(.*)$/s.exec(text) ?? [];
  return field && operator && value ? { field, operator, value } : null;
}

const written = ({ field, operator, value }: Condition) => `${field}.${operator}.${value}`;

function valueOf(kind: Kind, { operator, value }: Condition) {
  if (kind === "number") return { [operator]: Number(value) };
  if (kind === "date") return { [operator]: new Date(`${value}T00:00`).toISOString() };
  return { [operator]: value };
}

/** Conditions on the fields, as the address has them, and as the API takes them. */
export function useFilters(fields: readonly Field[]) {
  const [search, setSearch] = useSearchParams();
  const texts = search.getAll(PARAMETER).join("\n");
  const conditions = useMemo(
    () => texts.split("\n").map(parsed).filter((found) => found !== null && fields.some(({ name }) => name === found.field)) as Condition[],
    [texts, fields],
  );
  const filter = useMemo(() => {
    const made: Record<string, unknown> = {};
    for (const condition of conditions) {
      const { name, kind } = fields.find(({ name }) => name === condition.field)!;
      if (kind === "choice") made[name] = [...((made[name] as string[] | undefined) ?? []), condition.value];
      else made[name] = { ...(made[name] as object | undefined), ...valueOf(kind, condition) };
    }
    return made;
  }, [conditions, fields]);

  function put(next: Condition[]) {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      after.delete(PARAMETER);
      for (const condition of next) after.append(PARAMETER, written(condition));
      return after;
    });
  }
  const isSame = (one: Condition, other: Condition) =>
    one.field === other.field && one.operator === other.operator && (one.operator !== "in" || one.value === other.value);

  return {
    filter,
    key: texts,
    conditions,
    add: (condition: Condition) => put([...conditions.filter((other) => !isSame(condition, other)), condition]),
    remove: (condition: Condition) => put(conditions.filter((other) => other !== condition)),
  };
}

interface Props {
  fields: readonly Field[];
  filters: ReturnType<typeof useFilters>;
}

export function Filters({ fields, filters }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState(fields[0]!.name);
  const field = fields.find((known) => known.name === name) ?? fields[0]!;
  const operators = OPERATORS[field.kind];
  const [operator, setOperator] = useState(Object.keys(operators)[0]!);
  const [value, setValue] = useState("");
  const chosen = operator in operators ? operator : Object.keys(operators)[0]!;
  const told = field.kind === "choice" ? value || field.options![0]! : value.trim();

  function choose(next: string) {
    setName(next);
    setValue("");
  }

  function add(event: FormEvent) {
    event.preventDefault();
    event.stopPropagation();
    if (!told) return;
    filters.add({ field: field.name, operator: chosen, value: told });
    setValue("");
    setOpen(false);
  }

  return (
    <Group gap="xs">
      {filters.conditions.map((condition) => {
        const { label, kind } = fields.find((known) => known.name === condition.field)!;
        const shown = kind === "choice" ? word(condition.value) : kind === "date" ? day(`${condition.value}T00:00`) : condition.value;
        const text = `${label} ${OPERATORS[kind][condition.operator]} ${shown}`;
        return (
          <Pill.Group key={written(condition)}>
            <Group gap={2} wrap="nowrap" component="span">
              <Pill size="md">{text}</Pill>
              <CloseButton size="xs" aria-label={`Remove filter: ${text}`} onClick={() => filters.remove(condition)} />
            </Group>
          </Pill.Group>
        );
      })}
      <Popover opened={isOpen} onChange={setOpen} trapFocus position="bottom-start" shadow="md" withinPortal>
        <Popover.Target>
          <Button size="xs" variant="default" onClick={() => setOpen((was) => !was)}>Add Filter</Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Add Filter">
          <form onSubmit={add}>
            <Stack gap="xs">
              <NativeSelect label="Field" data-autofocus value={name} onChange={(event) => choose(event.currentTarget.value)}
                data={fields.map(({ name, label }) => ({ value: name, label }))} />
              <NativeSelect label="Operator" value={chosen} onChange={(event) => setOperator(event.currentTarget.value)}
                data={Object.entries(operators).map(([value, label]) => ({ value, label }))} />
              {field.kind === "choice" ? (
                <NativeSelect label="Value" value={told} onChange={(event) => setValue(event.currentTarget.value)}
                  data={field.options!.map((option) => ({ value: option, label: word(option) }))} />
              ) : (
                <TextInput label="Value" type={field.kind} value={value} onChange={(event) => setValue(event.currentTarget.value)} />
              )}
              <Button type="submit" size="xs" disabled={!told}>Add</Button>
            </Stack>
          </form>
        </Popover.Dropdown>
      </Popover>
    </Group>
  );
}
