import { Alert, NativeSelect, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "react-router";

import { graphql } from "../../generated";
import type { LicenseType } from "../../generated/graphql";
import { useSave } from "../save";
import { useSession } from "../session";
import { list } from "../words";
import { SaveModal } from "./SaveModal";

const REQUEST = graphql(`
  mutation RequestLicenses($input: RequestLicensesInput!) {
    requestLicenses(input: $input) {
      order { id number status }
      similar { id number }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const EMPTY = { quantity: "" as number | string, licenseType: "PREMIUM" as LicenseType, purchaseOrder: "", note: "" };

interface Made {
  order: { number: string };
  similar: { number: string }[];
  notifications: { recipient: string }[];
}

export function RequestLicenses({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const session = useSession()!;
  const form = useForm({ initialValues: EMPTY });
  const { save, isSaving } = useSave(REQUEST);
  const navigate = useNavigate();

  function saved({ order, similar, notifications: mails }: Made) {
    form.reset();
    const told = mails.length > 0 ? `Mailed: ${list(mails.map(({ recipient }) => recipient))}.` : "Nobody was mailed.";
    const twice = similar.length > 0 ? ` Was it asked twice? ${list(similar.map(({ number }) => number))} is alike.` : "";
    notifications.show({ title: `${order.number} is requested`, message: told + twice });
    void navigate("/orders/mine");
  }

  return (
    <SaveModal title="Request Licenses" isOpen={isOpen} onClose={onClose} form={form} isSaving={isSaving}
      fields={["quantity", "licenseType", "purchaseOrder", "note"]}
      onSave={(values) => save({
        licenseType: values.licenseType,
        quantity: Number(values.quantity) || 0,
        purchaseOrder: values.purchaseOrder || null,
        note: values.note || null,
      })}
      onSaved={saved}>
      {session.isManaging && <Alert color="orange">For <strong>{session.company}</strong></Alert>}
      <NumberInput label="Number of licenses" data-autofocus min={1} allowDecimal={false} clampBehavior="none" {...form.getInputProps("quantity")} />
      <NativeSelect label="Type" data={[{ value: "PREMIUM", label: "Premium" }, { value: "MANAGED", label: "Managed" }]}
        {...form.getInputProps("licenseType")} />
      <TextInput label="Purchase order" description="If you like" {...form.getInputProps("purchaseOrder")} />
      <Textarea label="Note" description="For who assigns it" autosize minRows={2} {...form.getInputProps("note")} />
    </SaveModal>
  );
}
