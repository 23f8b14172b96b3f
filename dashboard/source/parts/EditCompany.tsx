import { SimpleGrid, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";

import { graphql } from "../graphql";
import { useSave, whole } from "../save";
import { apart } from "../words";
import { SaveModal } from "./SaveModal";
import { WholeInput } from "./WholeInput";

const UPDATE = graphql(`
  mutation UpdateCompany($input: UpdateCompanyInput!) {
    updateCompany(input: $input) {
      company { id name industry employeeCount country language externalId }
      errors { code message path }
    }
  }
`);
const FIELDS = ["name", "industry", "employeeCount", "country", "language", "externalId"];

interface Described {
  id: string;
  name: string;
  industry?: string | null;
  employeeCount?: number | null;
  country?: string | null;
  language?: string | null;
  externalId?: string | null;
}

export default function EditCompany({ company, onClose }: { company: Described; onClose: () => void }) {
  const { save, isSaving } = useSave(UPDATE, false);
  const form = useForm({
    initialValues: {
      name: company.name,
      industry: company.industry ?? "",
      employeeCount: (company.employeeCount ?? "") as number | string,
      country: company.country ?? "",
      language: company.language ?? "",
      externalId: company.externalId ?? "",
    },
  });
  return (
    <SaveModal title={`Edit ${apart(company.name)}`} would={null} onClose={onClose} form={form} fields={FIELDS} isSaving={isSaving}
      onSave={({ name, employeeCount, ...others }) => save({
        companyId: company.id,
        name,
        employeeCount: employeeCount === "" ? null : whole(employeeCount),
        ...Object.fromEntries(Object.entries(others).map(([field, value]) => [field, value || null])),
      })}
      onSaved={({ company }) => notifications.show({ message: `${apart(company?.name)} is saved.` })}>
      <TextInput label="Company name" data-autofocus {...form.getInputProps("name")} />
      <SimpleGrid cols={2}>
        <TextInput label="Industry" {...form.getInputProps("industry")} />
        <WholeInput label="Employees" min={0} {...form.getInputProps("employeeCount")} />
        <TextInput label="Country" description="Two letters, like DE" maxLength={2} {...form.getInputProps("country")} />
        <TextInput label="Language" description="Of its mails, like de" {...form.getInputProps("language")} />
      </SimpleGrid>
      <TextInput label="External id" description="What your own system calls it" {...form.getInputProps("externalId")} />
    </SaveModal>
  );
}
