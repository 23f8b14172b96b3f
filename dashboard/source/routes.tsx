import { createBrowserRouter, Navigate } from "react-router";

import { Failed } from "./parts/Failed";
import { Loading } from "./parts/Loading";
import { Shell } from "./parts/Shell";
import { Unknown } from "./parts/Unknown";
import { current } from "./session";

function Home() {
  const session = current();
  const inside = session?.kind === "CUSTOMER" ? "/licenses/available" : "/companies";
  return <Navigate replace to={session?.role === "LEARNER" ? "/my-license" : inside} />;
}

export const router = createBrowserRouter([
  {
    path: "/",
    Component: Shell,
    ErrorBoundary: Failed,
    HydrateFallback: () => <Loading h="100dvh" />,
    children: [
      {
        // Menu and banner stay.
        ErrorBoundary: Failed,
        children: [
          { index: true, Component: Home },
          { path: "companies", lazy: () => import("./pages/Companies") },
          { path: "companies/:id", lazy: () => import("./pages/Company") },
          { path: "licenses", element: <Navigate replace to="/licenses/available" /> },
          { path: "orders", element: <Navigate replace to="/orders/mine" /> },
          {
            lazy: () => import("./pages/LicensesAndOrders"),
            children: [
              { path: "licenses/:state", lazy: () => import("./pages/Licenses") },
              { path: "orders/:which", lazy: () => import("./pages/Orders") },
            ],
          },
          { path: "users", lazy: () => import("./pages/Users") },
          { path: "users/import", lazy: () => import("./pages/Import") },
          { path: "my-license", lazy: () => import("./pages/MyLicense") },
          { path: "overview", lazy: () => import("./pages/Overview") },
          { path: "sent-mail", lazy: () => import("./pages/SentMail") },
          { path: "audit-trail", lazy: () => import("./pages/AuditTrail") },
          { path: "*", Component: Unknown },
        ],
      },
    ],
  },
]);
