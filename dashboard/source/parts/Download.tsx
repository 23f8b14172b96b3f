import { Button } from "@mantine/core";
import { useState } from "react";

import type { LicenseFilter, OrderFilter, UserFilter } from "../../generated/graphql";
import { authorization, UNREACHED } from "../asking";
import { tellFailure } from "../notes";
import { current, end, isCurrent, lasting } from "../session";
import { said } from "../words";

interface Props {
  name: "licenses" | "orders" | "users";
  scope?: "OWN" | "BELOW";
  filter: LicenseFilter | OrderFilter | UserFilter;
}

/** Goes on when the session has ended and begun again. Raises an Error in words for a person, those of the server where it refuses. */
async function fetched(address: string): Promise<Blob> {
  const asker = current();
  const response = await fetch(address, { headers: authorization() }).catch(() => undefined);
  if (!response) throw new Error(UNREACHED);
  if (response.status === 401) {
    end();
    await lasting();
    if (isCurrent(asker)) return fetched(address);
  }
  if (!response.ok) throw new Error(await reasonOf(response));
  return response.blob().catch(() => {
    throw new Error("The connection broke off in the middle of the file. Try again.");
  });
}

async function reasonOf(response: Response): Promise<string> {
  const refused = (await response.json().catch(() => null)) as { errors?: { message: string }[] } | null;
  return refused?.errors?.map(({ message }) => said(message)).join(" ") || `The server answered ${response.status}. Try again later.`;
}

/** What is listed, on all pages, as CSV. The token goes in a header, and so it is fetched. */
export function Download({ name, scope = "OWN", filter }: Props) {
  const [isBusy, setBusy] = useState(false);

  async function download() {
    setBusy(true);
    try {
      const asked = new URLSearchParams({ scope, filter: JSON.stringify(filter) });
      const file = await fetched(`/export/${name}.csv?${asked.toString()}`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = `${name}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      tellFailure(`Not exported: ${name}`, (error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  return <Button size="xs" variant="default" loading={isBusy} onClick={() => void download()}>Export CSV</Button>;
}
