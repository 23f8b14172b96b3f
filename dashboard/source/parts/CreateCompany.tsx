import { Fieldset, NativeSelect, SimpleGrid, Switch, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import type { CompanyKind, CreateCompanyInput, LicenseType } from "../../generated/graphql";
import { useSave, useWould, whole } from "../save";
import { apart, wasMailed, word } from "../words";
import { SaveModal } from "./SaveModal";
import { WholeInput } from "./WholeInput";

const CREATE = graphql(`
  mutation CreateCompany($input: CreateCompanyInput!) {
    createCompany(input: $input) {
      company { id name }
      order { id number status }
      notifications { id recipient }
      errors { code message path }
    }
  }
`);
const BENEATH: Record<string, CompanyKind[]> = {
  VENDOR: ["CUSTOMER", "PARTNER", "DISTRIBUTOR"],
  DISTRIBUTOR: ["CUSTOMER", "PARTNER"],
  PARTNER: ["CUSTOMER", "PARTNER"],
};
const TYPES: LicenseType[] = ["PREMIUM", "MANAGED", "TRIAL"];
const EMPTY = {
  name: "",
  kind: "CUSTOMER" as CompanyKind,
  country: "",
  industry: "",
  manager: { firstName: "", lastName: "", email: "" },
  order: { licenseType: "" as LicenseType | "", quantity: "" as number | string, purchaseOrder: "", assign: true },
};
const FIELDS = [
  "name", "kind", "country", "industry", "manager.firstName", "manager.lastName", "manager.email",
  "order.licenseType", "order.quantity", "order.purchaseOrder",
];

interface Props {
  onClose: () => void;
  parent: { id: string; name: string; kind: string };
}

function inputOf(parentId: string, { manager, order, ...company }: typeof EMPTY): CreateCompanyInput {
  const isManaged = Object.values(manager).some(Boolean);
  return {
    parentId,
    name: company.name,
    kind: company.kind,
    country: company.country || null,
    industry: company.industry || null,
    manager: isManaged ? { email: manager.email, firstName: manager.firstName || null, lastName: manager.lastName || null } : null,
    order: order.licenseType
      ? {
          licenseType: order.licenseType,
          quantity: whole(order.quantity),
          purchaseOrder: order.purchaseOrder || null,
          assign: order.assign,
        }
      : null,
  };
}

/** A company, who manages it, and its first order, in one form: all come to be, or nothing does. */
export default function CreateCompany({ onClose, parent }: Props) {
  const form = useForm({ initialValues: EMPTY });
  const { save, isSaving } = useSave(CREATE);
  const would = useWould(CREATE, inputOf(parent.id, form.values));
  const kinds = BENEATH[parent.kind] ?? [];
  const { order } = form.values;

  return (
    <SaveModal title={`Create Company beneath ${apart(parent.name)}`} onClose={onClose} form={form} fields={FIELDS} isSaving={isSaving}
      would={would} onSave={(values) => save(inputOf(parent.id, values))} whereTo={({ company }) => `/companies/${company?.id}`}
      onSaved={({ company, notifications: mails }) => notifications.show({ title: `${apart(company?.name)} is created`, message: wasMailed(mails) })}>
      <TextInput label="Company name" required withAsterisk={false} data-autofocus {...form.getInputProps("name")} />
      <NativeSelect label="Kind" data={kinds.map((kind) => ({ value: kind, label: word(kind) }))} {...form.getInputProps("kind")} />
      <SimpleGrid cols={2}>
        <TextInput label="Country" description="Two letters, like DE" maxLength={2} {...form.getInputProps("country")} />
        <TextInput label="Industry" description="If you like" {...form.getInputProps("industry")} />
      </SimpleGrid>
      <Fieldset legend="Manager">
        <SimpleGrid cols={2}>
          <TextInput label="First name" {...form.getInputProps("manager.firstName")} />
          <TextInput label="Last name" {...form.getInputProps("manager.lastName")} />
        </SimpleGrid>
        <TextInput label="Email" type="email" description="Gets a mail with a link to set a password" mt="xs" {...form.getInputProps("manager.email")} />
      </Fieldset>
      <Fieldset legend="Licenses">
        <NativeSelect label="Type"
          data={[{ value: "", label: "None for now" }, ...TYPES.map((type) => ({ value: type, label: word(type) }))]}
          {...form.getInputProps("order.licenseType")} />
        {order.licenseType && (
          <>
            <WholeInput label="Number" mt="xs" {...form.getInputProps("order.quantity")} />
            <TextInput label="Purchase order" mt="xs" {...form.getInputProps("order.purchaseOrder")} />
            <Switch label="Assign at once" mt="sm" {...form.getInputProps("order.assign", { type: "checkbox" })} />
          </>
        )}
      </Fieldset>
    </SaveModal>
  );
}
