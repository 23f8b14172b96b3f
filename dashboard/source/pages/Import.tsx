import { Alert, Anchor, Checkbox, FileInput, Group, NativeSelect, Pagination, Progress, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useInterval } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";

import { focusHeading } from "../focus";
import { graphql } from "../graphql";
import type { ImportUsersMutation } from "../../generated/graphql";
import { AllowedButton, type Permission } from "../parts/Allowed";
import { Heading } from "../parts/Shell";
import { useRead } from "../reading";
import { tellDoneOnce, tellRefused } from "../notes";
import { isUnanswered, placed, preview, useIsHere, useSave } from "../save";
import { useSession } from "../session";
import { count, number, said } from "../words";

const IMPORT = graphql(`
  mutation ImportUsers($input: ImportUsersInput!) {
    importUsers(input: $input) {
      created updated unchanged licensed shortage
      rowErrors { line column message }
      errors { code message path }
    }
  }
`);
const MAY = graphql(`
  query ImportMay($id: ID!) {
    company(id: $id) { id viewerCan { addUsers { allowed reason } allocateLicenses { allowed reason } } }
  }
`);
const COLUMNS = { email: "Email", firstName: "First name", lastName: "Last name", department: "Department", externalId: "External id" };
type Name = keyof typeof COLUMNS;
type Mapped = Record<Name, string>;
type Result = ImportUsersMutation["importUsers"];
const NAMES = Object.keys(COLUMNS) as Name[];
const FIELDS = ["csv", "allocate", ...NAMES.map((name) => `columns.${name}`)];
const MOST = 20_000;
/** Bytes of what can be sent at all. */
const LARGEST = 10 * 1024 * 1024;
/** Of the time that something takes, as long as it is not done. */
const ALMOST = 0.95;
/** Of the rows at fault, on a page. */
const SHOWN = 50;
const UNSEEN: Permission = { allowed: false, reason: "Preview comes first: it tells what would happen." };
const UNMAPPED: Permission = { allowed: false, reason: "Choose the column of the addresses first." };

/** As the server compares the names of columns. */
const plain = (name: string) => name.toLowerCase().replaceAll(/[\s_.-]/g, "");
const ownOf = (name: Name, headers: string[]) => headers.find((header) => plain(header) === name.toLowerCase()) ?? "";
const guessed = (headers: string[]) => Object.fromEntries(NAMES.map((name) => [name, ownOf(name, headers)])) as Mapped;

interface Sheet {
  csv: string;
  headers: string[];
  /** The first row beneath them. */
  example: string[];
}
const NO_SHEET: Sheet = { csv: "", headers: [], example: [] };

async function reader() {
  try {
    return (await import("papaparse")).default;
  } catch {
    throw new Error("What reads files could not be loaded. Look at your connection, and load the page again.");
  }
}

/** Its text, and what its columns are called; the server reads the rest. Raises an Error in words for a person. */
async function read(file: File): Promise<Sheet> {
  if (file.size > LARGEST) throw new Error(`At most ${number(LARGEST / 1024 ** 2)} MB: split the file.`);
  let csv: string;
  try {
    csv = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error("This is no text in UTF-8. Save it as “CSV UTF-8”.");
  }
  const { parse } = await reader();
  const rows: string[][] = [];
  // Its own preview would count blank lines, and guess the delimiter from nothing but those before the first row.
  parse<string[]>(csv.replace(/^[\r\n]+/, ""), {
    skipEmptyLines: true,
    delimitersToGuess: [",", ";", "\t"],
    step: ({ data }, parser) => {
      rows.push(data.map((cell) => cell.trim()));
      if (rows.length === 2) parser.abort();
    },
  });
  const [headers = [], example] = rows;
  if (!headers.some(Boolean)) throw new Error("The first line names no columns.");
  if (!example) throw new Error("Beneath its first line, which names the columns, this file has nobody.");
  return { csv, headers, example };
}

export function Component() {
  const { companyId } = useSession()!;
  const [{ data }] = useRead({ query: MAY, variables: { id: companyId } });
  const may = data?.company?.viewerCan;
  const { save, isSaving } = useSave(IMPORT);
  const form = useForm({ initialValues: { columns: guessed([]), allocate: true }, onValuesChange: () => setWould(undefined) });
  const reset = useRef<() => void>(null);
  const [{ csv, headers, example }, setSheet] = useState(NO_SHEET);
  const [would, setWould] = useState<Result>();
  const [done, setDone] = useState<Result>();
  const [isReading, setReading] = useState(false);
  const [lasted, setLasted] = useState<number>();
  const isHere = useIsHere();

  useEffect(() => {
    const [first] = would ? Object.keys(placed(would.errors, FIELDS).byField) : [];
    if (first) form.getInputNode(first)?.focus();
  }, [would]);

  /** What it was begun with is gone. */
  useEffect(() => {
    if (done && document.activeElement === document.body) focusHeading();
  }, [done]);

  async function choose(file: File | null) {
    form.clearErrors();
    setWould(undefined);
    setDone(undefined);
    try {
      const sheet = file ? await read(file) : NO_SHEET;
      setSheet(sheet);
      form.setFieldValue("columns", guessed(sheet.headers));
    } catch (error) {
      setSheet(NO_SHEET);
      form.setFieldError("csv", (error as Error).message);
    }
    reset.current?.(); // so that a mended file of the same name can be chosen
  }

  const { columns, allocate } = form.values;
  const mayAllocate = may?.allocateLicenses.allowed ?? false;
  const isBusy = isReading || isSaving;
  const input = {
    csv,
    columns: {
      email: columns.email,
      firstName: columns.firstName || null,
      lastName: columns.lastName || null,
      department: columns.department || null,
      externalId: columns.externalId || null,
    },
    allocate: allocate && mayAllocate,
    onShortage: "PARTIAL" as const,
  };

  function tell(result: Result) {
    setWould(result);
    form.setErrors(placed(result.errors, FIELDS).byField);
  }

  async function look() {
    const began = performance.now();
    setReading(true);
    tell(await preview(IMPORT, input));
    setLasted(performance.now() - began);
    setReading(false);
  }

  async function take() {
    const result = await save(input);
    if (!result) return;
    if (result.errors.length > 0 && isHere()) tell(result);
    else if (result.errors.length > 0) tellRefused("Import CSV", result);
    else {
      setDone(result);
      if (!isHere()) notifications.show({ title: "Imported", message: inWords(result, true), autoClose: false });
      if (result.isAgain) tellDoneOnce();
    }
  }

  const maySee = columns.email ? may?.addUsers : UNMAPPED;
  const mayTake = maySee?.allowed && !(would && would.errors.length === 0) ? UNSEEN : maySee;
  return (
    <Stack>
      <Anchor component={Link} to="/users" size="sm">Users</Anchor>
      <Heading>Import CSV</Heading>
      <FileInput label="File" description={`With a first line that names its columns; up to ${number(MOST)} people`} accept=".csv,text/csv" clearable
        placeholder="Choose a file" resetRef={reset} error={form.errors.csv} disabled={isBusy} onChange={(file) => void choose(file)}
        clearButtonProps={{ "aria-label": "Take away the file" }} />
      {headers.length > 0 && !done && (
        <>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} role="group" aria-label="Which column is which">
            {NAMES.map((name) => (
              <NativeSelect key={name} label={COLUMNS[name]} disabled={isBusy} description={exampleOf(columns[name], headers, example)} inputWrapperOrder={["label", "input", "description", "error"]}
                data={[...choicesOf(name, headers), ...[...new Set(headers)].filter(Boolean).map((header) => ({ value: header, label: header }))]}
                {...form.getInputProps(`columns.${name}`)} />
            ))}
          </SimpleGrid>
          <Checkbox label="Allocate licenses to new people while they last" {...form.getInputProps("allocate", { type: "checkbox" })}
            disabled={!mayAllocate || isBusy} checked={input.allocate} description={may?.allocateLicenses.reason && said(may.allocateLicenses.reason)} />
          <Group>
            <AllowedButton variant="default" permission={maySee} loading={isReading} onClick={() => void look()}>Preview</AllowedButton>
            <AllowedButton permission={mayTake} loading={isSaving} onClick={() => void take()}>Import</AllowedButton>
          </Group>
          {isReading && <Busy what="Every row is looked at, and nothing is kept." />}
          {isSaving && would && (
            <Busy lasts={lasted} what={`${count(would.created + would.updated + would.unchanged, "row is", "rows are")} taken in, all or none, in about the time that the preview took. You may go on elsewhere.`} />
          )}
        </>
      )}
      {would && !done && <Told result={would} isDone={false} />}
      {done && <Told result={done} isDone />}
    </Stack>
  );
}

/** The server takes a column that has the field's own name, whatever one says: then there is no "None". */
function choicesOf(name: Name, headers: string[]) {
  if (name === "email") return [{ value: "", label: "Choose a column" }];
  return ownOf(name, headers) ? [] : [{ value: "", label: "None" }];
}

function exampleOf(column: string, headers: string[], example: string[]) {
  const cell = column && example[headers.indexOf(column)];
  return cell ? `Like ${cell}` : undefined;
}

/** How long something has lasted, of the milliseconds that it takes, as far as that is known: its end alone says that it is done. */
function Busy({ what, lasts }: { what: string; lasts?: number }) {
  const [began] = useState(() => performance.now());
  const [passed, setPassed] = useState(0);
  useInterval(() => setPassed(performance.now() - began), 200, { autoInvoke: true });
  const value = lasts ? Math.round(Math.min(passed / lasts, ALMOST) * 100) : 100;
  return (
    <Stack gap="xs">
      <Progress.Root>
        <Progress.Section value={value} animated aria-label="Progress" role="progressbar" withAria={Boolean(lasts)} />
      </Progress.Root>
      <Group gap="xs">
        <Text size="sm" role="status">{what}</Text>
        <Text size="sm" c="dimmed" role="timer">{number(Math.floor(passed / 1_000))} s{lasts ? ` of about ${number(Math.ceil(lasts / 1_000))}` : ""}</Text>
      </Group>
    </Stack>
  );
}

function inWords({ created, updated, unchanged, licensed, shortage }: Result, isDone: boolean) {
  const verb = isDone ? "" : "would be ";
  return `${count(created, "person", "people")} ${verb}added, ${number(updated)} ${verb}updated, ${number(unchanged)} left as ${unchanged === 1 ? "it is" : "they are"}. `
    + `${count(licensed, "license")} ${verb}allocated${shortage > 0 ? `; ${number(shortage)} ${shortage === 1 ? "is" : "are"} missing` : ""}.`;
}

function Told({ result, isDone }: { result: Result; isDone: boolean }) {
  if (result.errors.length === 0) {
    return <Alert color="teal" role={isDone ? "alert" : "status"} title={isDone ? "Imported" : "This file is in order"}>{inWords(result, isDone)}</Alert>;
  }
  const rows = result.rowErrors ?? [];
  const { rest } = placed(result.errors, FIELDS);
  return (
    <>
      {rest.length > 0 && <Alert color="red" role="alert" title={isUnanswered(result) ? "This was not answered" : "This cannot be imported"}>{rest.join(" ")}</Alert>}
      {rows.length > 0 && <Faults key={JSON.stringify(rows[0])} rows={rows} />}
    </>
  );
}

/** Every one of them, page by page. */
function Faults({ rows }: { rows: Result["rowErrors"] }) {
  const [page, setPage] = useState(1);
  const before = (page - 1) * SHOWN;
  const shown = rows.slice(before, before + SHOWN);
  return (
    <>
      <Alert color="red" role="alert" title={`${count(rows.length, "fault")} in this file`}>Nobody is imported before the file is mended.</Alert>
      <Table aria-label="Rows at fault" style={{ overflowWrap: "anywhere" }}>
        <Table.Thead style={{ whiteSpace: "nowrap" }}><Table.Tr><Table.Th>Line</Table.Th><Table.Th>Column</Table.Th><Table.Th>What is wrong</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {shown.map(({ line, column, message }) => (
            <Table.Tr key={`${line} ${column} ${message}`}><Table.Td style={{ whiteSpace: "nowrap" }}>{number(line)}</Table.Td><Table.Td>{column}</Table.Td><Table.Td>{said(message)}</Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {rows.length > SHOWN && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">{number(before + 1)}–{number(before + shown.length)} of {number(rows.length)}</Text>
          <Pagination size="sm" total={Math.ceil(rows.length / SHOWN)} value={page} onChange={setPage}
            getItemProps={(item) => ({ "aria-label": `Page ${number(item)}` })}
            getControlProps={(control) => ({ "aria-label": control === "next" ? "Next" : "Previous" })} />
        </Group>
      )}
    </>
  );
}
