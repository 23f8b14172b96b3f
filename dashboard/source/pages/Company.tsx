import { Alert, Anchor, Badge, Breadcrumbs, Button, Card, Group, Menu, SimpleGrid, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useSubscription } from "urql";

import { graphql } from "../graphql";
import { AllowedItem, mayUpgrade, type Permission } from "../parts/Allowed";
import { ArchiveCompany, RestoreCompany } from "../parts/ArchiveCompany";
import { tellFailure } from "../notes";
import { called } from "../parts/Called";
import { Loading } from "../parts/Loading";
import { Managers } from "../parts/Managers";
import { later } from "../parts/later";
import { Heading } from "../parts/Shell";
import { Unread } from "../parts/Unread";
import { useRead, useReadNowAndThen } from "../reading";
import { useIsHere } from "../save";
import { manage } from "../signing";
import { day, number, word } from "../words";

const CreateCompany = later(() => import("../parts/CreateCompany"));
const EditCompany = later(() => import("../parts/EditCompany"));
const MoveCompany = later(() => import("../parts/MoveCompany"));
const UpgradeTrial = later(() => import("../parts/UpgradeTrial"));
const COMPANY = graphql(`
  query Company($id: ID!) {
    company(id: $id) {
      id name kind status plan industry employeeCount country language externalId createdAt notificationWarning
      ancestors { id name }
      accountManager { name email }
      managers { id name email }
      licenseSummary { id total available allocated expiring expired requested nextExpiryAt }
      upgrades: orders(first: 1, filter: { origin: [TRIAL_UPGRADE], status: [REQUESTED] }) { edges { node { id number } } }
      viewerCan {
        createCompany { allowed reason } enterManageMode { allowed reason } upgradeTrial { allowed reason } addManager { allowed reason }
        update { allowed reason } move { allowed reason } archive { allowed reason }
      }
    }
  }
`);
const SUMMARY = graphql(`
  subscription LicenseSummaryChanged($id: ID!) {
    licenseSummaryChanged(companyId: $id) { id total available allocated expiring expired requested nextExpiryAt }
  }
`);

/** What is typed meanwhile would be lost. */
const ENTERING: Permission = { allowed: false, reason: "This company is being entered." };

type Deed = "create" | "upgrade" | "edit" | "move" | "archive" | "restore";

/** Another company is another page: no dialog, and nothing typed, goes along to it. */
export function Component() {
  const { id = "" } = useParams();
  return <CompanyPage key={id} id={id} />;
}

function CompanyPage({ id }: { id: string }) {
  const navigate = useNavigate();
  const [deed, setDeed] = useState<Deed | null>(null);
  const [isEntering, setEntering] = useState(false);
  const isHere = useIsHere();
  const [{ data, error, fetching }, again] = useRead({ query: COMPANY, variables: { id } });
  useReadNowAndThen(again, error);
  const company = data?.company;
  useSubscription({ query: SUMMARY, variables: { id }, pause: !company });

  /** Whoever has left this page meanwhile stays where they are. */
  async function enter() {
    setEntering(true);
    try {
      if (await manage(id, isHere)) await navigate("/licenses/available");
    } catch (error) {
      if (isHere()) tellFailure("This company cannot be managed", (error as Error).message);
    } finally {
      setEntering(false);
    }
  }

  if (error && !data) return <Unread error={error} />;
  if (!company) {
    return fetching ? <Loading /> : <Stack><Heading>There is no such company</Heading><Text>Or it is not yours to see.</Text></Stack>;
  }
  const { licenseSummary: counts, viewerCan: may } = company;
  const isArchived = company.status === "ARCHIVED";
  const close = () => setDeed(null);
  const shown = [
    ["Available", counts.available], ["Allocated", counts.allocated], ["Expiring", counts.expiring],
    ["Expired", counts.expired], ["Requested", counts.requested], ["Total", counts.total],
  ] as const;
  const facts = [
    ["Kind", word(company.kind)], ["Plan", company.plan === "NONE" ? "–" : word(company.plan)], ["Country", company.country ?? "–"],
    ["Industry", company.industry ?? "–"], ["Employees", company.employeeCount == null ? "–" : number(company.employeeCount)],
    ["Language", company.language ?? "–"], ["External id", company.externalId ?? "–"], ["Created", day(company.createdAt)], ["Next expiry", day(counts.nextExpiryAt)],
    ["Account manager", company.accountManager ? called(company.accountManager) : "–"],
  ] as const;

  return (
    <Stack>
      <Breadcrumbs>
        <Anchor component={Link} to="/companies" size="sm">Company</Anchor>
        {company.ancestors.map((above) => (
          <Anchor key={above.id} component={Link} to={`/companies/${above.id}`} size="sm">{above.name}</Anchor>
        ))}
      </Breadcrumbs>
      <Group justify="space-between">
        <Group>
          <Heading>{company.name}</Heading>
          {isArchived && <Badge color="gray" variant="default">Archived</Badge>}
        </Group>
        <Menu position="bottom-end">
          <Menu.Target><Button loading={isEntering}>Actions</Button></Menu.Target>
          <Menu.Dropdown>
            <AllowedItem permission={may.enterManageMode} onClick={() => void enter()}>Manage Company</AllowedItem>
            <AllowedItem permission={mayUpgrade(company)} onClick={() => setDeed("upgrade")}>Upgrade Trial</AllowedItem>
            <AllowedItem permission={may.createCompany} onClick={() => setDeed("create")}>Create Company</AllowedItem>
            <Menu.Divider />
            <AllowedItem permission={may.update} onClick={() => setDeed("edit")}>Edit</AllowedItem>
            <AllowedItem permission={may.move} onClick={() => setDeed("move")}>Move</AllowedItem>
            {isArchived
              ? <AllowedItem permission={may.archive} onClick={() => setDeed("restore")}>Restore</AllowedItem>
              : <AllowedItem permission={may.archive} onClick={() => setDeed("archive")}>Archive</AllowedItem>}
          </Menu.Dropdown>
        </Menu>
      </Group>
      {company.notificationWarning && <Alert color="yellow" title="Mail">{company.notificationWarning}</Alert>}
      <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} aria-label="Licenses" role="group">
        {shown.map(([label, value]) => (
          <Card key={label} withBorder padding="sm">
            <Text size="sm" c="dimmed">{label}</Text>
            <Text fw={700} size="xl">{number(value)}</Text>
          </Card>
        ))}
      </SimpleGrid>
      <Card withBorder>
        <SimpleGrid cols={{ base: 1, sm: 2 }} component="dl" m={0}>
          {facts.map(([label, value]) => (
            <div key={label}>
              <Text component="dt" size="sm" c="dimmed">{label}</Text>
              <Text component="dd" m={0}>{value}</Text>
            </div>
          ))}
        </SimpleGrid>
      </Card>
      <Managers company={company} permission={isEntering ? ENTERING : may.addManager} />
      {deed === "archive" && <ArchiveCompany company={company} onClose={close} />}
      {deed === "restore" && <RestoreCompany company={company} onClose={close} />}
      {deed === "create" && <CreateCompany parent={company} onClose={close} />}
      {deed === "edit" && <EditCompany company={company} onClose={close} />}
      {deed === "upgrade" && <UpgradeTrial companyId={company.id} onClose={close} />}
      {deed === "move" && <MoveCompany company={company} onClose={close} />}
    </Stack>
  );
}
