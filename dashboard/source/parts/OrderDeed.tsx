import { Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import type { ComponentType } from "react";

import { graphql } from "../graphql";
import { type Payload, type Saving, useSave, useWould, whole } from "../save";
import { apart, count, wasMailed, word } from "../words";
import type { Deed, Order } from "./deeds";
import { SaveModal } from "./SaveModal";
import { WholeInput } from "./WholeInput";

const ASSIGN = graphql(`
  mutation AssignOrder($input: AssignOrderInput!) {
    assignOrder(input: $input) {
      order { id number status quantity assignedQuantity company { id name plan licenseSummary { id available total requested } } }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateOrder($input: UpdateOrderInput!) {
    updateOrder(input: $input) { order { id number quantity purchaseOrder note } errors { code message path } }
  }
`);
const DECLINE = graphql(`
  mutation DeclineOrder($input: DeclineOrderInput!) {
    declineOrder(input: $input) { order { id number status decisionReason } notifications { id recipient } errors { code message path } }
  }
`);
const CANCEL = graphql(`
  mutation CancelOrder($input: CancelOrderInput!) {
    cancelOrder(input: $input) { order { id number status decisionReason } notifications { id recipient } errors { code message path } }
  }
`);
const RETURN = graphql(`
  mutation ReturnOrder($input: ReturnOrderInput!) {
    returnOrder(input: $input) { order { id number status decisionReason } notifications { id recipient } errors { code message path } }
  }
`);

interface Props {
  order: Order;
  onClose: () => void;
}
interface Decided extends Payload {
  order?: { number: string; status: string } | null;
  notifications: { recipient: string }[];
}

function tell({ order, notifications: mails }: Decided) {
  if (order) notifications.show({ title: `${order.number}: ${word(order.status).toLowerCase()}`, message: wasMailed(mails) });
}

/** Says whom it will mail before it happens. */
function Assign({ order, isSome = false, onClose }: Props & { isSome?: boolean }) {
  const open = order.quantity - order.assignedQuantity;
  const form = useForm({ initialValues: { quantity: open as number | string } });
  const { save, isSaving } = useSave(ASSIGN);
  const inputOf = ({ quantity }: { quantity: number | string }) => ({ orderId: order.id, quantity: isSome ? whole(quantity) : open });
  const would = useWould(ASSIGN, inputOf(form.values));
  return (
    <SaveModal title={`Assign ${order.number}`} action="Assign" onClose={onClose} form={form} fields={isSome ? ["quantity"] : []} isSaving={isSaving}
      would={would} onSave={(values) => save(inputOf(values))} onSaved={tell}>
      <Text size="sm">
        {apart(order.company.name)} asks for {count(open, `${word(order.licenseType)} license`)}{order.purchaseOrder ? ` on purchase order ${order.purchaseOrder}` : ""}.
      </Text>
      {isSome && <WholeInput label="Number to assign now" data-autofocus {...form.getInputProps("quantity")} />}
    </SaveModal>
  );
}

/** What is asked for, as long as nothing of it is assigned. */
function Change({ order, onClose }: Props) {
  const { save, isSaving } = useSave(UPDATE, false);
  const form = useForm({
    initialValues: { quantity: order.quantity as number | string, purchaseOrder: order.purchaseOrder ?? "", note: order.note ?? "" },
  });
  return (
    <SaveModal title={`Change ${order.number}`} would={null} onClose={onClose} form={form} fields={["quantity", "purchaseOrder", "note"]} isSaving={isSaving}
      onSave={({ quantity, purchaseOrder, note }) =>
        save({ orderId: order.id, quantity: whole(quantity), purchaseOrder: purchaseOrder || null, note: note || null })}
      onSaved={({ order }) => notifications.show({ message: `${order?.number} is changed.` })}>
      <WholeInput label="Number of licenses" data-autofocus {...form.getInputProps("quantity")} />
      <TextInput label="Purchase order" {...form.getInputProps("purchaseOrder")} />
      <Textarea label="Note" description="For who assigns it" autosize minRows={2} {...form.getInputProps("note")} />
    </SaveModal>
  );
}

interface Closing extends Props {
  deed: string;
  action?: string;
  consequence: string;
  document: Saving<Record<string, Decided>, { orderId: string; reason: string }>;
}

/** Ends an order, and says why. Whom that mails is told before, be the reason what it may. */
function Close({ order, deed, action = deed, consequence, document, onClose }: Closing) {
  const form = useForm({ initialValues: { reason: "" } });
  const { save, isSaving } = useSave(document);
  const would = useWould(document, { orderId: order.id, reason: "–" });
  return (
    <SaveModal title={`${deed} ${order.number}`} action={action} color="red" onClose={onClose} form={form} fields={["reason"]} isSaving={isSaving}
      would={would} onSave={({ reason }) => save({ orderId: order.id, reason })} onSaved={tell}>
      <Text size="sm">{consequence}</Text>
      <Textarea label="Reason" data-autofocus autosize minRows={2} {...form.getInputProps("reason")} />
    </SaveModal>
  );
}

const openOf = ({ quantity, assignedQuantity }: Order) => count(quantity - assignedQuantity, "license");

const Decline = (props: Props) => (
  <Close {...props} document={DECLINE} deed="Decline" consequence={`${openOf(props.order)} will not come. Whoever is mailed is told the reason.`} />
);

const Cancel = (props: Props) => (
  <Close {...props} document={CANCEL} deed="Cancel" action="Cancel the order"
    consequence={`${openOf(props.order)} will not come. A reason is welcome, and is told to whoever is mailed.`} />
);

const Return = (props: Props) => (
  <Close {...props} document={RETURN} deed="Return" action="Return the order"
    consequence={`${count(props.order.assignedQuantity, "license")} will be void. Whoever is mailed is told the reason.`} />
);

const AssignSome = (props: Props) => <Assign {...props} isSome />;

const FORMS: Record<Deed, ComponentType<Props>> = { Assign, "Assign some": AssignSome, Decline, Change, Cancel, Return };

/** The form for what is to be done with an order. */
export default function OrderDeed({ deed, ...props }: Props & { deed: Deed }) {
  const Form = FORMS[deed];
  return <Form {...props} />;
}
