import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import type { LicenseFilter, OrderFilter, UserFilter } from "../../generated/graphql";
import { authorization } from "../asking";
import { end } from "../session";

interface Props {
  name: "licenses" | "orders" | "users";
  scope?: "OWN" | "BELOW";
  filter: LicenseFilter | OrderFilter | UserFilter;
}

/** What is listed, on all pages, as CSV. The token goes in a header, and so it is fetched. */
export function Download({ name, scope = "OWN", filter }: Props) {
  const [isBusy, setBusy] = useState(false);

  async function download() {
    setBusy(true);
    try {
      const asked = new URLSearchParams({ scope, filter: JSON.stringify(filter) });
      const response = await fetch(`/export/${name}.csv?${asked.toString()}`, { headers: authorization() });
      if (response.status === 401) end();
      if (!response.ok) throw new Error("The list could not be exported. Try again later.");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = `${name}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      notifications.show({ color: "red", message: (error as Error).message });
    } finally {
      setBusy(false);
    }
  }

  return <Button size="xs" variant="default" loading={isBusy} onClick={() => void download()}>Export CSV</Button>;
}
