import { Stack, Text } from "@mantine/core";

import { graphql } from "../graphql";
import type { AuditEventFilter, AuditTrailQuery } from "../../generated/graphql";
import { CompanyLink } from "../parts/companies";
import { type Column, DataList, usePlace } from "../parts/DataList";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { Heading } from "../parts/Shell";
import { useRead, useReadNowAndThen } from "../reading";
import { happened, instant } from "../words";

const EVENTS = graphql(`
  query AuditTrail($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
    auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id action at summary actor { name email } onBehalfOf { id name } company { id name } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const FIELDS: readonly Field[] = [
  { name: "action", label: "Action", kind: "text" },
  { name: "at", label: "When", kind: "date" },
];
type Event = AuditTrailQuery["auditEvents"]["edges"][number]["node"];

const COLUMNS: Column<Event>[] = [
  { id: "at", header: "When", cell: ({ at }) => instant(at) },
  {
    id: "actor",
    header: "Who",
    cell: ({ actor, onBehalfOf }) => (
      <>
        <Text size="sm">{actor?.name ?? "–"}</Text>
        {onBehalfOf && <Text size="xs" c="dimmed">managing {onBehalfOf.name}</Text>}
      </>
    ),
  },
  { id: "summary", header: "What", cell: ({ summary, action }) => <><Text size="sm">{happened(summary)}</Text><Text size="xs" c="dimmed">{action}</Text></> },
  { id: "company", header: "Company", cell: ({ company }) => <CompanyLink company={company} /> },
];

export function Component() {
  const filters = useFilters(FIELDS);
  return (
    <Stack>
      <Heading>Audit trail</Heading>
      <Filters fields={FIELDS} filters={filters} />
      <Page filter={filters.filter as AuditEventFilter} isNarrowed={filters.conditions.length > 0} />
    </Stack>
  );
}

function Page({ filter, isNarrowed }: { filter: AuditEventFilter; isNarrowed: boolean }) {
  const [place, setPlace] = usePlace();
  const [{ data, error, isOld }, again] = useRead({ query: EVENTS, variables: { filter, ...place } });
  useReadNowAndThen(again, error);
  return <DataList label="Audit trail" one="event" columns={COLUMNS} connection={data?.auditEvents} error={error} isOld={isOld} onPlace={setPlace} isNarrowed={isNarrowed} empty="Nothing has happened yet." />;
}
