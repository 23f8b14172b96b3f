import { Group, SegmentedControl, Stack, TextInput } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { NavigationType, useNavigationType, useSearchParams } from "react-router";

import { graphql } from "../graphql";
import type { CompanyFilter } from "../../generated/graphql";
import { AllowedButton } from "../parts/Allowed";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { later } from "../parts/later";
import { Loading } from "../parts/Loading";
import { Heading } from "../parts/Shell";
import { Unread } from "../parts/Unread";
import { useRead } from "../reading";
import { useSession } from "../session";

const CompanyTree = later(() => import("../parts/CompanyTree"), <Loading />);
const CreateCompany = later(() => import("../parts/CreateCompany"));
const FoundCompanies = later(() => import("../parts/FoundCompanies"), <Loading />);
const ROOT = graphql(`
  query CompanyRoot($id: ID!) {
    company(id: $id) {
      id name kind plan status licenseSummary { id available expiring requested }
      children(first: 0) { totalCount }
      viewerCan { createCompany { allowed reason } }
    }
  }
`);
const FIELDS: readonly Field[] = [
  { name: "name", label: "Name", kind: "text" },
  { name: "plan", label: "Plan", kind: "choice", options: ["NONE", "TRIAL", "PREMIUM", "MANAGED", "NFR"] },
  { name: "status", label: "Status", kind: "choice", options: ["ACTIVE", "ARCHIVED"] },
  { name: "country", label: "Country", kind: "text" },
  { name: "externalId", label: "External id", kind: "text" },
  { name: "createdAt", label: "Created", kind: "date" },
];

export function Component() {
  const session = useSession()!;
  const [isCreating, creating] = useDisclosure();
  const [search, setSearch] = useSearchParams();
  const kind = search.get("kind") ?? "";
  const address = search.get("search") ?? "";
  const [text, setText] = useState(address);
  const [sought] = useDebouncedValue(text.trim(), 250);
  const way = useNavigationType();
  const filters = useFilters(FIELDS);
  const [{ data, error }] = useRead({ query: ROOT, variables: { id: session.companyId } });
  const isTree = !kind && !sought && filters.conditions.length === 0;

  function put(name: string, value: string) {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (value) after.set(name, value);
      else after.delete(name);
      return after;
    }, { replace: true });
  }

  /** It stands in its field at once, and in the address a little later, which comes too late for who types fast. */
  function seek(typed: string) {
    setText(typed);
    put("search", typed);
  }
  useEffect(() => {
    if (way !== NavigationType.Replace) setText(address);
  }, [address, way]);

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
          onChange={(event) => seek(event.currentTarget.value)} />
        <SegmentedControl aria-label="Kind" value={kind} onChange={(value) => put("kind", value)}
          data={[{ value: "", label: "All" }, { value: "partners", label: "Partners" }, { value: "customers", label: "Customers" }]} />
        <Filters fields={FIELDS} filters={filters} />
      </Group>
      {isTree && error && !data && <Unread error={error} />}
      {isTree && !data && !error && <Loading />}
      {isTree && data?.company && <CompanyTree root={data.company} />}
      {!isTree && <FoundCompanies filter={filter} />}
      {isCreating && <CreateCompany onClose={creating.close} parent={{ id: session.companyId, name: session.company, kind: session.kind }} />}
    </Stack>
  );
}
