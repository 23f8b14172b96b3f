import { Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { authorization } from "../asking";
import { end, useSession } from "../session";

/** What is in each file. It is the whole of it: the API narrows it by company alone. */
const ALL = { licenses: "all licenses", orders: "all orders", users: "all users" };

/** A list of the acting company as CSV. The token goes in a header, and so it is fetched. */
export function Download({ name, scope = "OWN" }: { name: "licenses" | "orders" | "users"; scope?: "OWN" | "BELOW" }) {
  const session = useSession();
  const [isBusy, setBusy] = useState(false);
  const what = `${ALL[name]}${scope === "BELOW" ? " beneath" : ""}`;

  async function download() {
    setBusy(true);
    try {
      const response = await fetch(`/export/${name}.csv?scope=${scope}`, { headers: authorization() });
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

  return (
    <Tooltip label={`The file has ${what} ${scope === "BELOW" ? "" : "of "}${session?.company}, whatever is shown or filtered here.`} multiline maw={320}
      events={{ hover: true, focus: true, touch: true }}>
      <Button size="xs" variant="default" loading={isBusy} onClick={() => void download()}>Export {what} as CSV</Button>
    </Tooltip>
  );
}
