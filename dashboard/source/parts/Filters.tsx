import { Button, CloseButton, Group, NativeSelect, Pill, Popover, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";

import { useHasEnded } from "../session";
import { day, number, word } from "../words";

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
  text: { contains: "contains", in: "is", startsWith: "starts with" },
  number: { eq: "is", gte: "at least", lte: "at most" },
  date: { gte: "on or after", lt: "before" },
  choice: { in: "is" },
};
const PARAMETER = "filter";
/** Conditions at once: the API takes more, and a person can tell of fewer what they say together. */
const MOST = 100;
/** Whatever else would be no Int of the API. */
const INTEGER = /^\d{1,9}$/;
const DAY = /^[1-9]\d{3}-\d{2}-\d{2}$/;
/** A day that there is: JavaScript takes February 30 for March 2. */
const isDay = (value: string) =>
  DAY.test(value) && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString().startsWith(value);

const written = ({ field, operator, value }: Condition) => `${field}.${operator}.${value}`;

/** "Any of" where one value is looked for; of what narrows a field down there is one of each. */
const isList = (operator: string) => operator === "in";
const isTwice = (one: Condition, other: Condition) =>
  one.field === other.field && one.operator === other.operator && (!isList(one.operator) || one.value === other.value);

function isSound({ kind, options }: Field, { operator, value }: Condition): boolean {
  if (!(operator in OPERATORS[kind])) return false;
  if (kind === "choice") return options?.includes(value) ?? false;
  if (kind === "number") return INTEGER.test(value);
  return kind !== "date" || isDay(value);
}

/** What an address says, but for what no form here could have written. */
function parsed(texts: string[], fields: readonly Field[]): Condition[] {
  const found: Condition[] = [];
  for (const text of texts) {
    const [, name, operator = "", value = ""] = /^(\w+)\.(\w+)\.(.+)$/s.exec(text) ?? [];
    const field = fields.find((known) => known.name === name);
    if (!field || found.length === MOST) continue;
    const condition = { field: field.name, operator, value };
    if (isSound(field, condition) && !found.some((other) => isTwice(condition, other))) found.push(condition);
  }
  return found;
}

function valueOf(kind: Kind, { operator, value }: Condition, before: unknown) {
  if (kind === "choice") return [...((before as string[] | undefined) ?? []), value];
  const held = before as Record<string, string[]> | undefined;
  if (isList(operator)) return { ...held, in: [...(held?.in ?? []), value] };
  if (kind === "number") return { ...held, [operator]: Number(value) };
  if (kind === "date") return { ...held, [operator]: new Date(`${value}T00:00`).toISOString() };
  return { ...held, [operator]: value };
}

/** Conditions on the fields, as the address has them, and as the API takes them. */
export function useFilters(fields: readonly Field[]) {
  const [search, setSearch] = useSearchParams();
  const key = JSON.stringify(search.getAll(PARAMETER));
  const conditions = useMemo(() => parsed(JSON.parse(key) as string[], fields), [key, fields]);
  const filter = useMemo(() => {
    const made: Record<string, unknown> = {};
    for (const condition of conditions) {
      const { name, kind } = fields.find(({ name }) => name === condition.field)!;
      made[name] = valueOf(kind, condition, made[name]);
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

  return {
    filter,
    key,
    conditions,
    isTwice: (condition: Condition) => conditions.some((other) => isTwice(condition, other)),
    add: (condition: Condition) => put([...conditions, condition]),
    remove: (condition: Condition) => put(conditions.filter((other) => other !== condition)),
  };
}

const SHOWN: Record<Kind, (value: string) => string> = {
  text: String,
  number: (value) => number(Number(value)),
  date: (value) => day(`${value}T00:00`),
  choice: word,
};
const textOf = ({ label, kind }: Field, { operator, value }: Condition) => `${label} ${OPERATORS[kind][operator]} ${SHOWN[kind](value)}`;

interface Props {
  fields: readonly Field[];
  filters: ReturnType<typeof useFilters>;
}

export function Filters({ fields, filters }: Props) {
  const hasEnded = useHasEnded();
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState(fields[0]!.name);
  const field = fields.find((known) => known.name === name) ?? fields[0]!;
  const operators = OPERATORS[field.kind];
  const [operator, setOperator] = useState(Object.keys(operators)[0]!);
  const [value, setValue] = useState("");
  const [wrong, setWrong] = useState("");
  const opener = useRef<HTMLButtonElement>(null);
  const chosen = operator in operators ? operator : Object.keys(operators)[0]!;
  const told = field.kind === "choice" ? value || field.options![0]! : value.trim();

  function change(take: (next: string) => void) {
    return ({ currentTarget }: { currentTarget: { value: string } }) => {
      setWrong("");
      take(currentTarget.value);
    };
  }

  function choose(next: string) {
    setName(next);
    setValue("");
  }

  function add(event: FormEvent) {
    event.preventDefault();
    event.stopPropagation();
    const condition = { field: field.name, operator: chosen, value: told };
    if (!isSound(field, condition)) {
      setWrong("This cannot be looked for.");
    } else if (filters.conditions.length === MOST) {
      setWrong(`There are ${MOST} filters already. Remove one first.`);
    } else if (filters.isTwice(condition)) {
      setWrong(`There is a filter “${field.label} ${operators[chosen]} …” already. Remove that one first.`);
    } else {
      filters.add(condition);
      setValue("");
      setOpen(false);
      opener.current?.focus(); // what is being closed would keep the focus, and take it along
    }
  }

  /** The focus stays among the filters. */
  function remove(condition: Condition) {
    opener.current?.focus();
    filters.remove(condition);
  }

  return (
    <Group gap="xs">
      {filters.conditions.map((condition) => {
        const text = textOf(fields.find((known) => known.name === condition.field)!, condition);
        return (
          <Pill.Group key={written(condition)}>
            <Group gap={2} wrap="nowrap" component="span">
              <Pill size="md" maw="min(20rem, 70vw)" title={text}>{text}</Pill>
              <CloseButton size="xs" aria-label={`Remove filter: ${text}`} onClick={() => remove(condition)} />
            </Group>
          </Pill.Group>
        );
      })}
      <Popover opened={isOpen} onChange={(next) => hasEnded || setOpen(next)} trapFocus returnFocus position="bottom-start" shadow="md" withinPortal>
        <Popover.Target>
          <Button ref={opener} size="xs" variant="default" onClick={() => setOpen((was) => !was)}>Add Filter</Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Add Filter">
          <form onSubmit={add}>
            <Stack gap="xs">
              <NativeSelect label="Field" data-autofocus value={name} onChange={change(choose)}
                data={fields.map(({ name, label }) => ({ value: name, label }))} />
              <NativeSelect label="Operator" value={chosen} onChange={change(setOperator)}
                data={Object.entries(operators).map(([value, label]) => ({ value, label }))} />
              {field.kind === "choice" ? (
                <NativeSelect label="Value" value={told} error={wrong} onChange={change(setValue)}
                  data={field.options!.map((option) => ({ value: option, label: word(option) }))} />
              ) : (
                <TextInput label="Value" type={field.kind} value={value} error={wrong} onChange={change(setValue)} />
              )}
              <Button type="submit" size="xs" disabled={!told}>Add</Button>
            </Stack>
          </form>
        </Popover.Dropdown>
      </Popover>
    </Group>
  );
}
