import { Text } from "@mantine/core";

import { graphql } from "../graphql";
import type { CompaniesQuery, CompanyFilter } from "../../generated/graphql";
import { useRead, useReadNowAndThen } from "../reading";
import { current, hearsBeneath } from "../session";
import { CompanyName, FACTS } from "./companies";
import { type Column, DataList, useSort } from "./DataList";

const FOUND = graphql(`
  query Companies($orderBy: CompanyOrder, $filter: CompanyFilter, $first: Int, $after: String, $last: Int, $before: String) {
    companies(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id name kind plan status ancestors { id name } licenseSummary { id available expiring requested } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
type Found = CompaniesQuery["companies"]["edges"][number]["node"];

const SORTED = ["NAME"] as const;
const COLUMNS: Column<Found>[] = [
  {
    id: "name",
    header: "Name",
    orderBy: "NAME",
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
  const sort = useSort(SORTED);
  const [{ data, error, isOld, reading }, again] = useRead({ query: FOUND, variables: { filter, orderBy: sort.orderBy, ...sort.place } });
  useReadNowAndThen(again, error, hearsBeneath(current()) ? undefined : reading);
  return (
    <DataList label="Companies" one="company" many="companies" columns={COLUMNS} connection={data?.companies} error={error} isOld={isOld}
      sort={sort} onPlace={sort.setPlace} isNarrowed empty="There is no company yet. Create Company begins." />
  );
}
