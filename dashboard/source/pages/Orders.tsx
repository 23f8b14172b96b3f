import { ActionIcon, Badge, Group, Menu, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useParams } from "react-router";

import { graphql } from "../graphql";
import type { OrderFilter, Scope } from "../../generated/graphql";
import { AllowedItem } from "../parts/Allowed";
import { CompanyLink } from "../parts/companies";
import { type Deed, deedsOf, type Order, RIGHTS } from "../parts/deeds";
import { type Column, DataList, useSort } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { later } from "../parts/later";
import { useRead } from "../reading";
import { day, number, word } from "../words";

const OrderDeed = later(() => import("../parts/OrderDeed"));
const ORDERS = graphql(`
  query Orders($orderBy: OrderOrder, $scope: Scope, $filter: OrderFilter, $first: Int, $after: String, $last: Int, $before: String) {
    orders(scope: $scope, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges {
        node {
          id number licenseType quantity assignedQuantity status origin purchaseOrder note requestedAt assignedAt expiresAt decisionReason
          company { id name }
          requestedBy { name email }
          viewerCan {
            assign { allowed reason } decline { allowed reason } update { allowed reason } cancel { allowed reason } return { allowed reason }
          }
        }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const SORTED = ["NUMBER", "COMPANY_NAME", "QUANTITY", "REQUESTED_AT"] as const;
const FIELDS: readonly Field[] = [
  { name: "companyName", label: "Company", kind: "text" },
  { name: "number", label: "Order", kind: "text" },
  { name: "licenseType", label: "Type", kind: "choice", options: ["PREMIUM", "MANAGED", "TRIAL", "NFR"] },
  { name: "origin", label: "Origin", kind: "choice", options: ["CUSTOMER_REQUEST", "PARTNER_ON_BEHALF", "COMPANY_CREATION", "TRIAL_UPGRADE", "RENEWAL", "NFR_GRANT"] },
  { name: "quantity", label: "Number", kind: "number" },
  { name: "purchaseOrder", label: "Purchase order", kind: "text" },
  { name: "requestedAt", label: "Requested", kind: "date" },
  { name: "requestedByEmail", label: "Requested by", kind: "text" },
];
/** Where there are several: those of the tab. */
const withStatus = (options: readonly string[]): readonly Field[] => [...FIELDS, { name: "status", label: "Status", kind: "choice", options }];
const WAITING = ["REQUESTED", "PARTIALLY_ASSIGNED"] as const;
const CLOSED = ["DECLINED", "CANCELLED", "RETURNED"] as const;
const TABS: Record<string, { scope: Scope; filter: OrderFilter; fields: readonly Field[]; empty: string }> = {
  mine: { scope: "OWN", filter: {}, fields: withStatus([...WAITING, "ASSIGNED", ...CLOSED]), empty: "Nothing was ordered yet. Request Licenses begins." },
  requested: {
    scope: "BELOW",
    filter: { status: [...WAITING] },
    fields: withStatus(WAITING),
    empty: "No order waits. What the companies beneath yours request comes here.",
  },
  assigned: { scope: "BELOW", filter: { status: ["ASSIGNED"] }, fields: FIELDS, empty: "No order of a company beneath yours was assigned yet." },
  closed: {
    scope: "BELOW",
    filter: { status: [...CLOSED] },
    fields: withStatus(CLOSED),
    empty: "No order of a company beneath yours was declined, cancelled or returned.",
  },
};
const COLORS: Record<string, string> = { REQUESTED: "blue", PARTIALLY_ASSIGNED: "blue", ASSIGNED: "teal", DECLINED: "red", CANCELLED: "gray", RETURNED: "gray" };

export function Component() {
  const { which = "mine" } = useParams();
  const tab = TABS[which] ?? TABS.mine!;
  const filters = useFilters(tab.fields);
  const filter: OrderFilter = { ...tab.filter, ...filters.filter };
  return (
    <>
      <Group justify="space-between">
        <Filters key={which} fields={tab.fields} filters={filters} />
        <Download name="orders" scope={tab.scope === "OWN" ? "OWN" : "BELOW"} filter={filter} />
      </Group>
      <Page key={which} isMine={which === "mine"} scope={tab.scope} filter={filter} empty={tab.empty}
        isNarrowed={filters.conditions.length > 0} />
    </>
  );
}

interface Listed {
  isMine: boolean;
  scope: Scope;
  filter: OrderFilter;
  empty: string;
  isNarrowed: boolean;
}

function Page({ isMine, scope, filter, ...none }: Listed) {
  const sort = useSort(SORTED);
  const [chosen, setChosen] = useState<{ order: Order; deed: Deed } | null>(null);
  const [{ data, error, isOld }] = useRead({ query: ORDERS, variables: { scope, filter, orderBy: sort.orderBy, ...sort.place } });
  const columns = useMemo<Column<Order>[]>(() => [
    {
      id: "number",
      header: "Order",
      orderBy: "NUMBER",
      cell: ({ number, note, decisionReason }) => (
        <>
          <Text size="sm" style={{ whiteSpace: "nowrap" }}>{number}</Text>
          {(decisionReason || note) && <Text size="xs" c="dimmed" maw={220}>{decisionReason || note}</Text>}
        </>
      ),
    },
    ...(isMine ? [] : [{ id: "company", header: "Company", orderBy: "COMPANY_NAME", cell: ({ company }: Order) => <CompanyLink company={company} /> }]),
    { id: "type", header: "Type", cell: ({ licenseType }) => word(licenseType) },
    {
      id: "quantity",
      header: "Number",
      orderBy: "QUANTITY",
      cell: ({ quantity, assignedQuantity, status }) => status === "PARTIALLY_ASSIGNED" ? `${number(assignedQuantity)} of ${number(quantity)}` : number(quantity),
    },
    { id: "purchaseOrder", header: "Purchase order", cell: ({ purchaseOrder }) => purchaseOrder ?? "–" },
    { id: "status", header: "Status", cell: ({ status }) => <Badge variant="outline" color={COLORS[status]}>{word(status)}</Badge> },
    {
      id: "requested",
      header: "Requested",
      orderBy: "REQUESTED_AT",
      cell: ({ requestedAt, requestedBy }) => <><Text size="sm">{day(requestedAt)}</Text><Text size="xs" c="dimmed">{requestedBy?.name}</Text></>,
    },
    {
      id: "actions",
      header: "Actions",
      cell: (order) => deedsOf(order, isMine).length > 0 && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${order.number}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            {deedsOf(order, isMine).map((deed) => (
              <AllowedItem key={deed} permission={order.viewerCan[RIGHTS[deed]]} onClick={() => setChosen({ order, deed })}>{deed}</AllowedItem>
            ))}
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ], [isMine]);

  return (
    <>
      <DataList label="Orders" one="order" columns={columns} connection={data?.orders} error={error} isOld={isOld} sort={sort} onPlace={sort.setPlace} {...none} />
      {chosen && <OrderDeed {...chosen} onClose={() => setChosen(null)} />}
    </>
  );
}
