import { Badge, Stack, Text } from "@mantine/core";

import { graphql } from "../graphql";
import type { NotificationFilter, SentMailQuery } from "../../generated/graphql";
import { CompanyLink } from "../parts/companies";
import { type Column, DataList, usePlace } from "../parts/DataList";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { Heading } from "../parts/Shell";
import { useRead, useReadWhile } from "../reading";
import { count, instant, word } from "../words";

const MAIL = graphql(`
  query SentMail($filter: NotificationFilter, $first: Int, $after: String, $last: Int, $before: String) {
    notifications(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges { node { id template status recipient subject attempts lastError createdAt sentAt company { id name } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const FIELDS: readonly Field[] = [
  { name: "recipient", label: "To", kind: "text" },
  { name: "status", label: "Status", kind: "choice", options: ["QUEUED", "SENT", "FAILED"] },
  {
    name: "template",
    label: "About",
    kind: "choice",
    options: [
      "ORDER_REQUESTED", "ORDER_ASSIGNED", "ORDER_DECLINED", "ORDER_CANCELLED", "ORDER_WAITING", "LICENSES_EXPIRING", "LICENSES_EXPIRED",
      "TRIAL_EXPIRING", "TRIAL_EXPIRED", "PARTNER_WELCOME", "MANAGER_WELCOME", "PASSWORD_RESET", "WEBHOOK_DISABLED",
    ],
  },
  { name: "createdAt", label: "Written", kind: "date" },
];
const COLORS = { QUEUED: "blue", SENT: "teal", FAILED: "red" };
type Mail = SentMailQuery["notifications"]["edges"][number]["node"];

const COLUMNS: Column<Mail>[] = [
  { id: "subject", header: "Subject", cell: ({ subject }) => subject },
  { id: "to", header: "To", cell: ({ recipient, company }) => <><Text size="sm">{recipient}</Text><CompanyLink company={company} /></> },
  {
    id: "status",
    header: "Status",
    cell: ({ status, lastError, attempts }) => (
      <>
        <Badge variant="outline" color={COLORS[status]}>{word(status)}</Badge>
        {status !== "SENT" && lastError && <Text size="xs" c="dimmed" maw={260}>{lastError}</Text>}
        {status === "QUEUED" && attempts > 0 && <Text size="xs" c="dimmed">Tried {count(attempts, "time")}</Text>}
      </>
    ),
  },
  { id: "at", header: "Sent", cell: ({ sentAt, createdAt }) => instant(sentAt ?? createdAt) },
];

export function Component() {
  const filters = useFilters(FIELDS);
  return (
    <Stack>
      <Heading>Sent mail</Heading>
      <Filters fields={FIELDS} filters={filters} />
      <Page filter={filters.filter as NotificationFilter} isNarrowed={filters.conditions.length > 0} />
    </Stack>
  );
}

function Page({ filter, isNarrowed }: { filter: NotificationFilter; isNarrowed: boolean }) {
  const [place, setPlace] = usePlace();
  const [{ data, error, isOld }, again] = useRead({ query: MAIL, variables: { filter, ...place } });
  const queued = data?.notifications.edges.filter(({ node }) => node.status === "QUEUED") ?? [];
  useReadWhile(queued.map(({ node }) => `${node.id} ${node.attempts}`), again);
  return <DataList label="Sent mail" one="mail" columns={COLUMNS} connection={data?.notifications} error={error} isOld={isOld} onPlace={setPlace} isNarrowed={isNarrowed} empty="No mail was written. Orders and welcomes will come here." />;
}
