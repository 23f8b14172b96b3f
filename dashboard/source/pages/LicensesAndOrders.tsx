import { Stack } from "@mantine/core";
import { Outlet, useLocation } from "react-router";

import { LicensesHead } from "../parts/LicensesHead";

/** Both beneath one head, which stays where it is, focus and all, from tab to tab. */
export function Component() {
  const [, part, tab = ""] = useLocation().pathname.split("/");
  return (
    <Stack>
      <LicensesHead part={part === "orders" ? "orders" : "licenses"} tab={tab} />
      <Outlet />
    </Stack>
  );
}
