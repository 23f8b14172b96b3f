import { Stack } from "@mantine/core";
import { Outlet, useLocation } from "react-router";

import { isTab, LicensesHead } from "../parts/LicensesHead";
import { Unknown } from "../parts/Unknown";

/** Both beneath one head, which stays where it is, focus and all, from tab to tab. */
export function Component() {
  const [, part = "", tab = ""] = useLocation().pathname.split("/");
  if (!isTab(part, tab)) return <Unknown />;
  return (
    <Stack>
      <LicensesHead part={part === "orders" ? "orders" : "licenses"} tab={tab} />
      <Outlet />
    </Stack>
  );
}
