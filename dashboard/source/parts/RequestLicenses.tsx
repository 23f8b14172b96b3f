import { NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import type { LicenseType, RequestLicensesMutation } from "../../generated/graphql";
import { useSave, useWould, whole } from "../save";
import { list, wasMailed } from "../words";
import { SaveModal } from "./SaveModal";
import { WholeInput } from "./WholeInput";

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
export const REQUESTABLE = [{ value: "PREMIUM", label: "Premium" }, { value: "MANAGED", label: "Managed" }];
const EMPTY = { quantity: "" as number | string, licenseType: "PREMIUM" as LicenseType, purchaseOrder: "", note: "" };

const inputOf = ({ licenseType, quantity, purchaseOrder, note }: typeof EMPTY) =>
  ({ licenseType, quantity: whole(quantity), purchaseOrder: purchaseOrder || null, note: note || null });

export default function RequestLicenses({ onClose }: { onClose: () => void }) {
  const form = useForm({ initialValues: EMPTY });
  const { save, isSaving } = useSave(REQUEST);
  const would = useWould(REQUEST, inputOf(form.values));

  function saved({ order, similar, notifications: mails }: RequestLicensesMutation["requestLicenses"]) {
    const twice = similar.length > 0 ? ` Was it asked twice? Alike: ${list(similar.map(({ number }) => number))}.` : "";
    notifications.show({ title: `${order?.number} is requested`, message: wasMailed(mails) + twice });
  }

  return (
    <SaveModal title="Request Licenses" onClose={onClose} form={form} isSaving={isSaving}
      fields={["quantity", "licenseType", "purchaseOrder", "note"]} onSave={(values) => save(inputOf(values))}
      would={would} onSaved={saved} whereTo={() => "/orders/mine"}>
      <WholeInput label="Number of licenses" data-autofocus {...form.getInputProps("quantity")} />
      <NativeSelect label="Type" data={REQUESTABLE} {...form.getInputProps("licenseType")} />
      <TextInput label="Purchase order" description="If you like" {...form.getInputProps("purchaseOrder")} />
      <Textarea label="Note" description="For who assigns it" autosize minRows={2} {...form.getInputProps("note")} />
    </SaveModal>
  );
}
