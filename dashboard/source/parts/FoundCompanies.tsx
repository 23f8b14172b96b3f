import { Text } from "@mantine/core";
import { useState } from "react";

import { graphql } from "../graphql";
import type { CompaniesQuery, CompanyFilter } from "../../generated/graphql";
import { useRead } from "../reading";
import { CompanyName, FACTS } from "./companies";
import { type Column, DataList, START } from "./DataList";

const FOUND = graphql(`
  query Companies($filter: CompanyFilter, $first: Int, $after: String, $last: Int, $before: String) {
    companies(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id name kind plan status ancestors { id name } licenseSummary { id available expiring requested } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
type Found = CompaniesQuery["companies"]["edges"][number]["node"];

const COLUMNS: Column<Found>[] = [
  {
    id: "name",
    header: "Name",
    cell: (company) => (
      <>
        <CompanyName company={company} />
        {company.ancestors.length > 0 && <Text size="xs" c="dimmed">{company.ancestors.map(({ name }) => name).join(" › ")}</Text>}
      </>
    ),
  },
  ...FACTS,
];

export default function FoundCompanies({ filter }: { filter: CompanyFilter }) {
  const [place, setPlace] = useState(START);
  const [{ data, error }, again] = useRead({ query: FOUND, variables: { filter, ...place } });
  return (
    <DataList label="Companies" one="company" many="companies" columns={COLUMNS} connection={data?.companies} error={error}
      onPlace={setPlace} onRetry={again} isNarrowed empty="There is no company yet. Create Company begins." />
  );
}
