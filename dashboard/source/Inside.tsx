import { useEffect, useState } from "react";
import { RouterProvider } from "react-router";
import { Provider } from "urql";

import { openClient } from "./client";
import { router } from "./routes";

export default function Inside() {
  const [opened, setOpened] = useState<ReturnType<typeof openClient>>();
  useEffect(() => {
    const made = openClient();
    setOpened(made);
    return made.close;
  }, []);
  return opened && <Provider value={opened.client}><RouterProvider router={router} /></Provider>;
}
