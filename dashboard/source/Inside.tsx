import { type ReactNode, useEffect, useState } from "react";
import { RouterProvider } from "react-router";
import { Provider } from "urql";

import { openClient } from "./client";
import { useRead, useReadNowAndThen } from "./reading";
import { router } from "./routes";
import { isFresh } from "./session";
import { meet, VIEWER } from "./signing";

/** Nothing is shown before it is known whose it is, and what they may see by now; without a connection, as it was before. */
function Met({ children }: { children: ReactNode }) {
  const [isMet, setMet] = useState(isFresh);
  const [{ data, error }, again] = useRead({ query: VIEWER });
  useReadNowAndThen(again, error);
  useEffect(() => {
    if (data?.viewer) meet(data.viewer);
    if (data || error) setMet(true);
  }, [data, error]);
  return isMet && children;
}

export default function Inside() {
  const [opened, setOpened] = useState<ReturnType<typeof openClient>>();
  useEffect(() => {
    const made = openClient();
    setOpened(made);
    return made.close;
  }, []);
  return opened && <Provider value={opened.client}><Met><RouterProvider router={router} /></Met></Provider>;
}
