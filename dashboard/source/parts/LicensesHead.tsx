import { Badge, Group, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useNavigate } from "react-router";

import { graphql } from "../graphql";
import { useRead } from "../reading";
import { useSession } from "../session";
import { number } from "../words";
import { AllowedButton, mayUpgrade } from "./Allowed";
import { later } from "./later";
import { Heading } from "./Shell";

const RequestLicenses = later(() => import("./RequestLicenses"));
const UpgradeTrial = later(() => import("./UpgradeTrial"));
const COUNTS = graphql(`
  query LicenseCounts($id: ID!) {
    company(id: $id) {
      id
      licenseSummary { id available allocated expiring expired requested }
      upgrades: orders(first: 1, filter: { origin: [TRIAL_UPGRADE], status: [REQUESTED] }) { edges { node { id number } } }
      viewerCan { requestLicenses { allowed reason } upgradeTrial { allowed reason } allocateLicenses { allowed reason } }
    }
  }
`);
const STATES = ["available", "allocated", "expiring", "expired"] as const;
const ORDERS = { mine: "My Orders", requested: "Requested Orders", assigned: "Assigned Orders", closed: "Closed Orders" };

export const isTab = (part: string, tab: string) => (part === "orders" ? Object.keys(ORDERS) : [...STATES]).includes(tab);

export function useCounts() {
  const { companyId } = useSession()!;
  const [{ data }] = useRead({ query: COUNTS, variables: { id: companyId } });
  return data?.company;
}

/** What the pages of licenses and of orders have in common: their tabs, counts, and the request for more. */
export function LicensesHead({ part, tab }: { part: "licenses" | "orders"; tab: string }) {
  const { companyId } = useSession()!;
  const navigate = useNavigate();
  const [isRequesting, requesting] = useDisclosure();
  const [isUpgrading, upgrading] = useDisclosure();
  const company = useCounts();

  return (
    <>
      <Group justify="space-between">
        <Heading>Licenses</Heading>
        <Group gap="xs">
          <AllowedButton variant="default" permission={company ? mayUpgrade(company) : undefined} onClick={upgrading.open}>Upgrade Trial</AllowedButton>
          <AllowedButton permission={company?.viewerCan.requestLicenses} onClick={requesting.open}>Request Licenses</AllowedButton>
        </Group>
      </Group>
      <Tabs value={part} onChange={(value) => void navigate(value === "orders" ? "/orders/mine" : "/licenses/available")}>
        <Tabs.List aria-label="Licenses and orders">
          <Tabs.Tab value="licenses">Licenses</Tabs.Tab>
          <Tabs.Tab value="orders">Orders</Tabs.Tab>
        </Tabs.List>
        {["licenses", "orders"].map((value) => <Tabs.Panel key={value} value={value}>{null}</Tabs.Panel>)}
      </Tabs>
      <Tabs variant="pills" value={tab} onChange={(value) => void navigate(`/${part}/${value}`)}>
        <Tabs.List aria-label={part === "licenses" ? "States" : "Whose orders"} aria-busy={!company}>
          {part === "licenses"
            ? STATES.map((state) => (
                <Tabs.Tab key={state} value={state} rightSection={company && <Badge variant="default" size="sm">{number(company.licenseSummary[state])}</Badge>}>
                  {state.charAt(0).toUpperCase() + state.slice(1)}
                </Tabs.Tab>
              ))
            : Object.entries(ORDERS).map(([value, label]) => <Tabs.Tab key={value} value={value}>{label}</Tabs.Tab>)}
        </Tabs.List>
        {(part === "licenses" ? STATES : Object.keys(ORDERS)).map((value) => <Tabs.Panel key={value} value={value}>{null}</Tabs.Panel>)}
      </Tabs>
      {isRequesting && <RequestLicenses onClose={requesting.close} />}
      {isUpgrading && <UpgradeTrial companyId={companyId} onClose={upgrading.close} />}
    </>
  );
}
