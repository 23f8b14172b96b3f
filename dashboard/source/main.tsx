import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";

import { createTheme, type CSSVariablesResolver, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { setNonce } from "get-nonce";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";

import { SignIn } from "./pages/SignIn";
import { useSession } from "./session";

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
const theme = createTheme({ primaryColor: "teal", primaryShade: 9, autoContrast: true });
/** Text that is dimmed is to be read, too: 4.5 to 1 at least. */
const resolver: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": colors.gray![7],
    "--mantine-color-placeholder": colors.gray![7],
    "--mantine-color-teal-light-color": "#054d38",
    "--mantine-color-red-light-color": "#a51111",
  },
  dark: { "--mantine-color-dimmed": colors.dark![1], "--mantine-color-placeholder": colors.dark![1] },
});
setNonce(nonce);

/** What only those who are signed in need. */
const Inside = lazy(() => import("./Inside"));

/** One person acting for one company: another is another client, with nothing left of the first in its cache. */
function App() {
  const session = useSession();
  return session ? <Suspense><Inside key={`${session.userId} ${session.companyId}`} /></Suspense> : <SignIn />;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={resolver} getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" />
      <App />
    </MantineProvider>
  </StrictMode>,
);
