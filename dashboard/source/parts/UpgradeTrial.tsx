import { NativeSelect, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import type { LicenseType } from "../../generated/graphql";
import { useSave, useWould, whole } from "../save";
import { wasMailed } from "../words";
import { REQUESTABLE } from "./RequestLicenses";
import { SaveModal } from "./SaveModal";
import { WholeInput } from "./WholeInput";

const UPGRADE = graphql(`
  mutation UpgradeTrial($input: UpgradeTrialInput!) {
    upgradeTrial(input: $input) {
      order { id number status quantity company { id } }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const EMPTY = { licenseType: "PREMIUM" as LicenseType, quantity: "" as number | string, purchaseOrder: "" };

/** An order in place of a trial, which ends when the order is assigned. */
export default function UpgradeTrial({ companyId, onClose }: { companyId: string; onClose: () => void }) {
  const form = useForm({ initialValues: EMPTY });
  const { save, isSaving } = useSave(UPGRADE);
  const inputOf = ({ licenseType, quantity, purchaseOrder }: typeof EMPTY) =>
    ({ companyId, licenseType, quantity: quantity === "" ? null : whole(quantity), purchaseOrder: purchaseOrder || null });
  const would = useWould(UPGRADE, inputOf(form.values));

  return (
    <SaveModal title="Upgrade Trial" onClose={onClose} form={form} isSaving={isSaving} fields={["licenseType", "quantity", "purchaseOrder"]}
      would={would} onSave={(values) => save(inputOf(values))}
      onSaved={({ order, notifications: mails }) =>
        notifications.show({ title: `${order?.number} is requested`, message: wasMailed(mails) })}>
      <Text size="sm">The trial runs on until the order is assigned, then ends; the new licenses are allocated by hand.</Text>
      <NativeSelect label="Type" data={REQUESTABLE} data-autofocus {...form.getInputProps("licenseType")} />
      <WholeInput label="Number of licenses" description="As many as learn on the trial, if left out"
        {...form.getInputProps("quantity")} />
      <TextInput label="Purchase order" description="If you like" {...form.getInputProps("purchaseOrder")} />
    </SaveModal>
  );
}
