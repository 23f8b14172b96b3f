import { ActionIcon, Alert, Anchor, Badge, Button, Center, Group, Loader, SegmentedControl, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useQuery } from "urql";

import { graphql } from "../graphql";
import type { CompanyFilter } from "../../generated/graphql";
import { explained } from "../asking";
import { AllowedButton } from "../parts/Allowed";
import { type Column, DataList, START } from "../parts/DataList";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { Heading } from "../parts/Shell";
import { useSession } from "../session";
import { number, word } from "../words";

const CreateCompany = lazy(() => import("../parts/CreateCompany"));
const ROOT = graphql(`
  query CompanyRoot($id: ID!) {
    company(id: $id) {
      id name kind plan status licenseSummary { id available expiring requested }
      children(first: 0) { totalCount }
      viewerCan { createCompany { allowed reason } }
    }
  }
`);
const CHILDREN = graphql(`
  query CompanyChildren($id: ID!, $first: Int!, $after: String) {
    company(id: $id) {
      id
      children(first: $first, after: $after) {
        edges { node { id name kind plan status licenseSummary { id available expiring requested } children(first: 0) { totalCount } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
const FOUND = graphql(`
  query Companies($filter: CompanyFilter, $first: Int, $after: String, $last: Int, $before: String) {
    companies(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id name kind plan status ancestors { id name } licenseSummary { id available expiring requested } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);

export const COMPANY_FIELDS: readonly Field[] = [
  { name: "name", label: "Name", kind: "text" },
  { name: "plan", label: "Plan", kind: "choice", options: ["NONE", "TRIAL", "PREMIUM", "MANAGED", "NFR"] },
  { name: "status", label: "Status", kind: "choice", options: ["ACTIVE", "ARCHIVED"] },
  { name: "country", label: "Country", kind: "text" },
  { name: "externalId", label: "External id", kind: "text" },
  { name: "createdAt", label: "Created", kind: "date" },
];
const STEP = 50;
/** Pixels a level. */
const INDENT = 20;

interface Shown {
  id: string;
  name: string;
  kind: string;
  plan: string;
  status: string;
  ancestors?: { id: string; name: string }[];
  licenseSummary: { available: number; expiring: number; requested: number };
  children?: { totalCount: number };
}

const FACTS: Column<Shown>[] = [
  { id: "kind", header: "Kind", cell: ({ kind }) => word(kind) },
  { id: "plan", header: "Plan", cell: ({ plan }) => (plan === "NONE" ? "–" : word(plan)) },
  { id: "available", header: "Available", cell: ({ licenseSummary }) => number(licenseSummary.available) },
  { id: "expiring", header: "Expiring", cell: ({ licenseSummary }) => number(licenseSummary.expiring) },
  { id: "requested", header: "Requested", cell: ({ licenseSummary }) => number(licenseSummary.requested) },
];
const FOUND_COLUMNS: Column<Shown>[] = [
  {
    id: "name",
    header: "Name",
    cell: (row) => (
      <>
        <Name {...row} />
        {row.ancestors && row.ancestors.length > 0 && <Text size="xs" c="dimmed">{row.ancestors.map(({ name }) => name).join(" › ")}</Text>}
      </>
    ),
  },
  ...FACTS,
];

function Name({ id, name, status }: Shown) {
  return (
    <Group gap="xs" wrap="nowrap" component="span">
      <Anchor component={Link} to={`/companies/${id}`} size="sm">{name}</Anchor>
      {status === "ARCHIVED" && <Badge color="gray" variant="default">Archived</Badge>}
    </Group>
  );
}

export function Component() {
  const session = useSession()!;
  const [isCreating, creating] = useDisclosure();
  const [search, setSearch] = useSearchParams();
  const kind = search.get("kind") ?? "";
  const text = search.get("search") ?? "";
  const [sought] = useDebouncedValue(text, 250);
  const filters = useFilters(COMPANY_FIELDS);
  const [{ data, error }] = useQuery({ query: ROOT, variables: { id: session.companyId } });
  const isTree = !kind && !sought && filters.conditions.length === 0;

  function put(name: string, value: string) {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (value) after.set(name, value);
      else after.delete(name);
      return after;
    }, { replace: true });
  }

  const filter = {
    ...filters.filter,
    ...(kind === "partners" && { kind: ["DISTRIBUTOR", "PARTNER"] }),
    ...(kind === "customers" && { kind: ["CUSTOMER"] }),
    // As well as what a filter says of the name.
    ...(sought && { or: [{ name: { contains: sought } }] }),
  } as CompanyFilter;

  return (
    <Stack>
      <Group justify="space-between">
        <Heading>Company</Heading>
        <AllowedButton permission={data?.company?.viewerCan.createCompany} onClick={creating.open}>Create Company</AllowedButton>
      </Group>
      <Group>
        <TextInput aria-label="Search companies" placeholder="Search by name" type="search" value={text}
          onChange={(event) => put("search", event.currentTarget.value)} />
        <SegmentedControl aria-label="Kind" value={kind} onChange={(value) => put("kind", value)}
          data={[{ value: "", label: "All" }, { value: "partners", label: "Partners" }, { value: "customers", label: "Customers" }]} />
        <Filters fields={COMPANY_FIELDS} filters={filters} />
      </Group>
      {isTree && error && !data && <Alert color="red" role="alert">{explained(error)}</Alert>}
      {isTree && !data && !error && <Center p="xl"><Loader role="status" aria-label="Loading" /></Center>}
      {isTree && data?.company && <Tree root={data.company} />}
      {!isTree && <Found key={JSON.stringify(filter)} filter={filter} />}
      <Suspense>{isCreating && <CreateCompany onClose={creating.close} parent={{ id: session.companyId, name: session.company, kind: session.kind }} />}</Suspense>
    </Stack>
  );
}

function Found({ filter }: { filter: CompanyFilter }) {
  const [place, setPlace] = useState(START);
  const [{ data, error }, again] = useQuery({ query: FOUND, variables: { filter, ...place } });
  return (
    <DataList label="Companies" one="company" many="companies" columns={FOUND_COLUMNS} connection={data?.companies} error={error}
      onPlace={setPlace} onRetry={again} empty="No company fits. Remove a filter, or search for less." />
  );
}

function Tree({ root }: { root: Shown }) {
  return (
    <Table.ScrollContainer minWidth={560} type="native" tabIndex={0} role="region" aria-label="Companies">
      <Table highlightOnHover aria-label="Companies">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            {FACTS.map(({ id, header }) => <Table.Th key={id}>{header}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody><Branch company={root} depth={0} startsOpen /></Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Branch({ company, depth, startsOpen = false }: { company: Shown; depth: number; startsOpen?: boolean }) {
  const [isOpen, { toggle }] = useDisclosure(startsOpen);
  const hasChildren = (company.children?.totalCount ?? 0) > 0;
  return (
    <>
      <Table.Tr>
        <Table.Td>
          <Group gap="xs" wrap="nowrap" pl={depth * INDENT}>
            {hasChildren ? (
              <ActionIcon variant="subtle" size="sm" onClick={toggle} aria-expanded={isOpen}
                aria-label={`Companies beneath ${company.name}`}>
                {isOpen ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
              </ActionIcon>
            ) : <span style={{ width: 22 }} />}
            <Name {...company} />
          </Group>
        </Table.Td>
        {FACTS.map(({ id, cell }) => <Table.Td key={id}>{cell(company)}</Table.Td>)}
      </Table.Tr>
      {isOpen && hasChildren && <Level id={company.id} depth={depth + 1} />}
    </>
  );
}

/** What is directly beneath a company, a step at a time: each knows where the next begins. */
function Level({ id, depth, after }: { id: string; depth: number; after?: string }) {
  const [isMore, more] = useDisclosure();
  const [{ data, error }, again] = useQuery({ query: CHILDREN, variables: { id, first: STEP, after } });
  const children = data?.company?.children;
  if (!children) {
    return (
      <Table.Tr>
        <Table.Td colSpan={FACTS.length + 1}>
          {error
            ? <Button size="xs" variant="subtle" color="red" onClick={() => again()}>{explained(error)} Try again</Button>
            : <Loader size="xs" role="status" aria-label="Loading" />}
        </Table.Td>
      </Table.Tr>
    );
  }
  const { hasNextPage, endCursor } = children.pageInfo;
  return (
    <>
      {children.edges.map(({ node }) => <Branch key={node.id} company={node} depth={depth} />)}
      {hasNextPage && isMore && <Level id={id} depth={depth} after={endCursor ?? undefined} />}
      {hasNextPage && !isMore && (
        <Table.Tr>
          <Table.Td colSpan={FACTS.length + 1} pl={depth * INDENT + 40}>
            <Button size="xs" variant="subtle" onClick={more.open}>Show more</Button>
          </Table.Td>
        </Table.Tr>
      )}
    </>
  );
}
