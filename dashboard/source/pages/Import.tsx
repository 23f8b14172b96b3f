import { Alert, Anchor, Button, Checkbox, FileInput, Group, Loader, NativeSelect, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";

import { graphql } from "../graphql";
import type { ImportUsersMutation } from "../../generated/graphql";
import { Heading } from "../parts/Shell";
import { preview, useSave } from "../save";
import { count, number } from "../words";

const IMPORT = graphql(`
  mutation ImportUsers($input: ImportUsersInput!) {
    importUsers(input: $input) {
      created updated unchanged licensed shortage
      rowErrors { line column message }
      errors { code message path }
    }
  }
`);
const COLUMNS = { email: "Email", firstName: "First name", lastName: "Last name", department: "Department", externalId: "External id" };
type Name = keyof typeof COLUMNS;
type Mapped = Record<Name, string>;
type Result = ImportUsersMutation["importUsers"];
const SHOWN = 200;
const SEPARATORS = [",", ";", "\t"];

/** The names in the first line; the server reads the rest. */
function headersOf(csv: string): string[] {
  const line = csv.replace(/^\uFEFF/, "").split(/\r?\n/, 1)[0] ?? "";
  const separator = SEPARATORS.reduce((best, next) => (line.split(next).length > line.split(best).length ? next : best));
  return line.split(separator).map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z]/g, "");

function guessed(headers: string[]): Mapped {
  const found = (name: Name) => headers.find((header) => plain(header) === name.toLowerCase()) ?? "";
  return Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, found(name as Name)])) as Mapped;
}

export function Component() {
  const { save, isSaving } = useSave(IMPORT);
  const [csv, setCsv] = useState("");
  const [headers, setHeaders] = useState<string[]>([]);
  const [columns, setColumns] = useState<Mapped>(guessed([]));
  const [allocate, setAllocate] = useState(true);
  const [would, setWould] = useState<Result>();
  const [done, setDone] = useState<Result>();
  const [isReading, setReading] = useState(false);

  async function choose(file: File | null) {
    const text = file ? await file.text() : "";
    const found = text ? headersOf(text) : [];
    setCsv(text);
    setHeaders(found);
    setColumns(guessed(found));
    setWould(undefined);
    setDone(undefined);
  }

  const input = {
    csv,
    columns: {
      email: columns.email,
      firstName: columns.firstName || null,
      lastName: columns.lastName || null,
      department: columns.department || null,
      externalId: columns.externalId || null,
    },
    allocate,
    onShortage: "PARTIAL" as const,
  };

  async function look() {
    setReading(true);
    setWould(await preview(IMPORT, input));
    setReading(false);
  }

  async function take() {
    const result = await save(input);
    if (!result) return;
    if (result.errors.length > 0) setWould(result);
    else setDone(result);
  }

  return (
    <Stack>
      <Anchor component={Link} to="/users" size="sm">Users</Anchor>
      <Heading>Import CSV</Heading>
      <FileInput label="File" description="With a first line that names its columns; up to 20,000 people" accept=".csv,text/csv" clearable
        placeholder="Choose a file" onChange={(file) => void choose(file)} clearButtonProps={{ "aria-label": "Take away the file" }} />
      {headers.length > 0 && !done && (
        <>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} role="group" aria-label="Which column is which">
            {Object.entries(COLUMNS).map(([name, label]) => (
              <NativeSelect key={name} label={label} value={columns[name as Name]}
                data={[{ value: "", label: name === "email" ? "Choose a column" : "None" }, ...[...new Set(headers)].filter(Boolean).map((header) => ({ value: header, label: header }))]}
                onChange={(event) => {
                  setColumns({ ...columns, [name]: event.currentTarget.value });
                  setWould(undefined);
                }} />
            ))}
          </SimpleGrid>
          <Checkbox label="Allocate licenses to new people while they last" checked={allocate}
            onChange={(event) => {
              setAllocate(event.currentTarget.checked);
              setWould(undefined);
            }} />
          <Group>
            <Button variant="default" disabled={!columns.email} loading={isReading} onClick={() => void look()}>Preview</Button>
            <Button disabled={!would || would.errors.length > 0} loading={isSaving} onClick={() => void take()}>Import</Button>
            {isSaving && <Text size="sm" role="status"><Loader size="xs" mr="xs" />All of them or nobody: this takes a moment.</Text>}
          </Group>
        </>
      )}
      {would && !done && <Told result={would} isDone={false} />}
      {done && <Told result={done} isDone />}
    </Stack>
  );
}

function Told({ result, isDone }: { result: Result; isDone: boolean }) {
  const rows = result.rowErrors ?? [];
  if (result.errors.length > 0) {
    return (
      <>
        <Alert color="red" role="alert" title={rows.length > 0 ? `${count(rows.length, "row is", "rows are")} at fault` : "This cannot be imported"}>
          {rows.length > 0 ? "Nobody is imported before the file is mended." : result.errors.map(({ message }) => message).join(" ")}
        </Alert>
        {rows.length > 0 && (
          <Table aria-label="Rows at fault">
            <Table.Thead><Table.Tr><Table.Th>Line</Table.Th><Table.Th>Column</Table.Th><Table.Th>What is wrong</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {rows.slice(0, SHOWN).map(({ line, column, message }) => (
                <Table.Tr key={`${line} ${column} ${message}`}><Table.Td>{number(line)}</Table.Td><Table.Td>{column}</Table.Td><Table.Td>{message}</Table.Td></Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
        {rows.length > SHOWN && <Text size="sm">and {number(rows.length - SHOWN)} more</Text>}
      </>
    );
  }
  const verb = isDone ? "" : "would be ";
  return (
    <Alert color="teal" role="status" title={isDone ? "Imported" : "This file is in order"}>
      {count(result.created, "person", "people")} {verb}added, {number(result.updated)} {verb}updated, {number(result.unchanged)} left as they are.{" "}
      {count(result.licensed, "license")} {verb}allocated{result.shortage > 0 ? `; ${number(result.shortage)} are missing` : ""}.
    </Alert>
  );
}
