import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./main.css";

import { createTheme, type CSSVariablesResolver, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { setNonce } from "get-nonce";
import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";

import { keepFocus } from "./focus";
import { SignIn } from "./pages/SignIn";
import { Failed } from "./parts/Failed";
import { Loading } from "./parts/Loading";
import { useSession } from "./session";

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
const theme = createTheme({
  primaryColor: "teal",
  primaryShade: 9,
  autoContrast: true,
  respectReducedMotion: true,
  components: {
    // The first item has the focus, nothing but items is in the menu, and the menu in the part of the page that is for all of it.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, portalProps: { target: "main" } } },
    // The browser's own margins would set its fields in.
    Fieldset: { defaultProps: { mx: 0 } },
    // However little room a column has for it.
    Badge: { defaultProps: { miw: "max-content" } },
    Tooltip: { defaultProps: { portalProps: { target: "main" } } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    // Its header is none of the page.
    Modal: { defaultProps: { attributes: { header: { role: "none" } }, closeButtonProps: { "aria-label": "Close" } } },
  },
});
/** What the pointer is on gets darker: white text on a lighter one is too faint. */
const POINTED = { "--mantine-color-teal-filled-hover": "#066649" };
/** Of badges, on a row that the pointer is on, too. */
const LIT = Object.fromEntries(["blue", "teal", "red"].map((name) => [`--mantine-color-${name}-outline`, `var(--mantine-color-${name}-3)`]));
/** Text that is dimmed is to be read, too: 4.5 to 1 at least. */
const resolver: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    ...POINTED,
    "--mantine-color-error": colors.red![9],
    "--mantine-color-anchor": "#066649",
    "--mantine-color-dimmed": colors.gray![7],
    "--mantine-color-placeholder": colors.gray![7],
    "--mantine-color-teal-light-color": "#054d38",
    "--mantine-color-teal-outline": "#066649",
    "--mantine-color-red-light-color": "#a51111",
  },
  dark: { ...POINTED, ...LIT, "--mantine-color-error": colors.red![4], "--mantine-color-dimmed": colors.dark![1], "--mantine-color-placeholder": colors.dark![1] },
});
setNonce(nonce);
keepFocus();

/** What only those who are signed in need. */
const Inside = lazy(() => import("./Inside").catch(() => ({ default: Failed })));

/** One person acting for one company: another is another client, with nothing left of the first in its cache. */
function App() {
  const session = useSession();
  return session ? <Suspense fallback={<Loading h="100dvh" />}><Inside key={`${session.userId} ${session.companyId}`} /></Suspense> : <SignIn />;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={resolver} getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" />
      <App />
    </MantineProvider>
  </StrictMode>,
);
