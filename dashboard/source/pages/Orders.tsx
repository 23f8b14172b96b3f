import { ActionIcon, Badge, Group, Menu, NumberInput, Stack, Text, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { IconDots } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useParams } from "react-router";
import { useQuery } from "urql";

import { graphql } from "../../generated";
import type { OrderFilter, OrdersQuery, Scope } from "../../generated/graphql";
import { AllowedItem } from "../parts/Allowed";
import { type Column, DataList, START } from "../parts/DataList";
import { Download } from "../parts/Download";
import { type Field, Filters, useFilters } from "../parts/Filters";
import { LicensesHead } from "../parts/LicensesHead";
import { SaveModal } from "../parts/SaveModal";
import { preview, useSave } from "../save";
import { count, day, list, number, word } from "../words";

const ORDERS = graphql(`
  query Orders($scope: Scope, $filter: OrderFilter, $first: Int, $after: String, $last: Int, $before: String) {
    orders(scope: $scope, filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges {
        node {
          id number licenseType quantity assignedQuantity status origin purchaseOrder note requestedAt assignedAt expiresAt decisionReason
          company { id name }
          requestedBy { name email }
          viewerCan { assign { allowed reason } decline { allowed reason } cancel { allowed reason } }
        }
      }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
const ASSIGN = graphql(`
  mutation AssignOrder($input: AssignOrderInput!) {
    assignOrder(input: $input) {
      order { id number status quantity assignedQuantity company { id name plan licenseSummary { id available total requested } } }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const DECLINE = graphql(`
  mutation DeclineOrder($input: DeclineOrderInput!) {
    declineOrder(input: $input) {
      order { id number status decisionReason }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const CANCEL = graphql(`
  mutation CancelOrder($input: CancelOrderInput!) {
    cancelOrder(input: $input) {
      order { id number status decisionReason }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
type Order = OrdersQuery["orders"]["edges"][number]["node"];
type Deed = "Assign" | "Assign some" | "Decline" | "Cancel";

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
const TABS: Record<string, { scope: Scope; filter: OrderFilter; empty: string }> = {
  mine: { scope: "OWN", filter: {}, empty: "Nothing was ordered yet. Request Licenses begins." },
  requested: {
    scope: "BELOW",
    filter: { status: ["REQUESTED", "PARTIALLY_ASSIGNED"] },
    empty: "No order waits. What the companies beneath yours request comes here.",
  },
  assigned: { scope: "BELOW", filter: { status: ["ASSIGNED"] }, empty: "No order of a company beneath yours was assigned yet." },
};
const COLORS: Record<string, string> = { REQUESTED: "blue", PARTIALLY_ASSIGNED: "blue", ASSIGNED: "teal", DECLINED: "red", CANCELLED: "gray", RETURNED: "gray" };

export function Component() {
  const { which = "mine" } = useParams();
  const filters = useFilters(FIELDS);
  const tab = TABS[which] ?? TABS.mine!;
  return (
    <Stack>
      <LicensesHead part="orders" tab={which} />
      <Group justify="space-between">
        <Filters fields={FIELDS} filters={filters} />
        <Download name="orders" scope={tab.scope === "OWN" ? "OWN" : "BELOW"} />
      </Group>
      <Page key={`${which} ${filters.key}`} isMine={which === "mine"} scope={tab.scope} filter={{ ...filters.filter, ...tab.filter }} empty={tab.empty} />
    </Stack>
  );
}

function Page({ isMine, scope, filter, empty }: { isMine: boolean; scope: Scope; filter: OrderFilter; empty: string }) {
  const [place, setPlace] = useState(START);
  const [chosen, setChosen] = useState<{ order: Order; deed: Deed } | null>(null);
  const [{ data, error }, again] = useQuery({ query: ORDERS, variables: { scope, filter, ...place } });
  const columns = useMemo<Column<Order>[]>(() => [
    {
      id: "number",
      header: "Order",
      cell: ({ number, note, decisionReason }) => (
        <>
          <Text size="sm" style={{ whiteSpace: "nowrap" }}>{number}</Text>
          {(decisionReason || note) && <Text size="xs" c="dimmed" maw={220}>{decisionReason || note}</Text>}
        </>
      ),
    },
    ...(isMine ? [] : [{ id: "company", header: "Company", cell: ({ company }: Order) => company.name }]),
    { id: "type", header: "Type", cell: ({ licenseType }) => word(licenseType) },
    {
      id: "quantity",
      header: "Number",
      cell: ({ quantity, assignedQuantity, status }) => status === "PARTIALLY_ASSIGNED" ? `${number(assignedQuantity)} of ${number(quantity)}` : number(quantity),
    },
    { id: "purchaseOrder", header: "Purchase order", cell: ({ purchaseOrder }) => purchaseOrder ?? "–" },
    { id: "status", header: "Status", cell: ({ status }) => <Badge variant="outline" color={COLORS[status]}>{word(status)}</Badge> },
    {
      id: "requested",
      header: "Requested",
      cell: ({ requestedAt, requestedBy }) => <><Text size="sm">{day(requestedAt)}</Text><Text size="xs" c="dimmed">{requestedBy?.name}</Text></>,
    },
    {
      id: "actions",
      header: "Actions",
      cell: (order) => ["REQUESTED", "PARTIALLY_ASSIGNED"].includes(order.status) && (
        <Menu position="bottom-end">
          <Menu.Target><ActionIcon variant="subtle" aria-label={`Actions for ${order.number}`}><IconDots size={18} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <AllowedItem permission={order.viewerCan.assign} onClick={() => setChosen({ order, deed: "Assign" })}>Assign</AllowedItem>
            <AllowedItem permission={order.viewerCan.assign} onClick={() => setChosen({ order, deed: "Assign some" })}>Assign some</AllowedItem>
            {isMine
              ? <AllowedItem permission={order.viewerCan.cancel} onClick={() => setChosen({ order, deed: "Cancel" })}>Cancel</AllowedItem>
              : <AllowedItem permission={order.viewerCan.decline} onClick={() => setChosen({ order, deed: "Decline" })}>Decline</AllowedItem>}
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ], [isMine]);
  const done = () => setChosen(null);

  return (
    <>
      <DataList label="Orders" one="order" columns={columns} connection={data?.orders} error={error} onPlace={setPlace} onRetry={again} empty={empty} />
      {chosen?.deed.startsWith("Assign") && <Assign order={chosen.order} isSome={chosen.deed === "Assign some"} onClose={done} />}
      {chosen?.deed === "Decline" && <Close order={chosen.order} deed="Decline" onClose={done} />}
      {chosen?.deed === "Cancel" && <Close order={chosen.order} deed="Cancel" onClose={done} />}
    </>
  );
}

interface Decided {
  order: { number: string; status: string; assignedQuantity?: number };
  notifications: { recipient: string }[];
}

function tell({ order, notifications: mails }: Decided) {
  notifications.show({
    title: `${order.number}: ${word(order.status).toLowerCase()}`,
    message: mails.length > 0 ? `Mailed: ${list(mails.map(({ recipient }) => recipient))}.` : "Nobody was mailed.",
  });
}

/** Says whom it will mail before it happens. */
function Assign({ order, isSome, onClose }: { order: Order; isSome: boolean; onClose: () => void }) {
  const open = order.quantity - order.assignedQuantity;
  const form = useForm({ initialValues: { quantity: open as number | string } });
  const { save, isSaving } = useSave(ASSIGN);
  const [recipients, setRecipients] = useState<string[]>();

  useEffect(() => {
    void preview(ASSIGN, { orderId: order.id, quantity: open }).then(({ errors, notifications: mails }) => {
      if (errors.length === 0) setRecipients(mails.map(({ recipient }) => recipient));
    });
  }, [order.id, open]);

  return (
    <SaveModal title={`Assign ${order.number}`} isOpen onClose={onClose} form={form} fields={["quantity"]} isSaving={isSaving} action="Assign"
      onSave={({ quantity }) => save({ orderId: order.id, quantity: isSome ? Number(quantity) || 0 : open })} onSaved={tell}>
      <Text size="sm">
        {order.company.name} asks for {count(open, `${word(order.licenseType)} license`)}{order.purchaseOrder ? ` on purchase order ${order.purchaseOrder}` : ""}.
      </Text>
      {isSome && <NumberInput label="Number to assign now" data-autofocus min={1} allowDecimal={false} clampBehavior="none" {...form.getInputProps("quantity")} />}
      <Text size="sm" c="dimmed">
        {recipients === undefined ? "…" : recipients.length === 0 ? "Nobody will be mailed." : `Will be mailed: ${list(recipients)}.`}
      </Text>
    </SaveModal>
  );
}

function Close({ order, deed, onClose }: { order: Order; deed: "Decline" | "Cancel"; onClose: () => void }) {
  const form = useForm({ initialValues: { reason: "" } });
  const declining = useSave(DECLINE);
  const cancelling = useSave(CANCEL);
  return (
    <SaveModal title={`${deed} ${order.number}`} isOpen onClose={onClose} form={form} fields={["reason"]} color="red"
      action={deed === "Cancel" ? "Cancel the order" : deed} isSaving={declining.isSaving || cancelling.isSaving}
      onSave={({ reason }) => deed === "Decline"
        ? declining.save({ orderId: order.id, reason })
        : cancelling.save({ orderId: order.id, reason: reason || null })}
      onSaved={tell}>
      <Textarea label="Reason" description="Who ordered is mailed it" data-autofocus autosize minRows={2} {...form.getInputProps("reason")} />
    </SaveModal>
  );
}
