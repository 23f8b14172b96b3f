import "@mantine/charts/styles.css";

import { BarChart } from "@mantine/charts";
import { Card, SegmentedControl, Stack, Table, Text, Title, VisuallyHidden } from "@mantine/core";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import type { CombinedError } from "urql";

import { SELDOM } from "../anew";
import { graphql } from "../graphql";
import type { Scope } from "../../generated/graphql";
import { Loading } from "../parts/Loading";
import { Heading } from "../parts/Shell";
import { Unread } from "../parts/Unread";
import { useRead } from "../reading";
import { useSession } from "../session";
import { number } from "../words";

const MONTHS = graphql(`
  query LicensesByMonth($scope: Scope, $m0: LicenseFilter, $m1: LicenseFilter, $m2: LicenseFilter, $m3: LicenseFilter, $m4: LicenseFilter,
    $m5: LicenseFilter, $m6: LicenseFilter, $m7: LicenseFilter, $m8: LicenseFilter, $m9: LicenseFilter, $m10: LicenseFilter, $m11: LicenseFilter,
    $m12: LicenseFilter) {
    m0: licenses(scope: $scope, first: 0, filter: $m0) { totalCount }
    m1: licenses(scope: $scope, first: 0, filter: $m1) { totalCount }
    m2: licenses(scope: $scope, first: 0, filter: $m2) { totalCount }
    m3: licenses(scope: $scope, first: 0, filter: $m3) { totalCount }
    m4: licenses(scope: $scope, first: 0, filter: $m4) { totalCount }
    m5: licenses(scope: $scope, first: 0, filter: $m5) { totalCount }
    m6: licenses(scope: $scope, first: 0, filter: $m6) { totalCount }
    m7: licenses(scope: $scope, first: 0, filter: $m7) { totalCount }
    m8: licenses(scope: $scope, first: 0, filter: $m8) { totalCount }
    m9: licenses(scope: $scope, first: 0, filter: $m9) { totalCount }
    m10: licenses(scope: $scope, first: 0, filter: $m10) { totalCount }
    m11: licenses(scope: $scope, first: 0, filter: $m11) { totalCount }
    m12: licenses(scope: $scope, first: 0, filter: $m12) { totalCount }
  }
`);
const DAYS = graphql(`
  query LicenseDays($id: ID!, $scope: Scope) {
    company(id: $id) { id licenseSummary(scope: $scope) { id licenseDaysElapsed licenseDaysUsed licenseDaysIdle } }
  }
`);
const MONTH = new Intl.DateTimeFormat(undefined, { month: "short", year: "2-digit" });
const NAMES = ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11", "m12"] as const;

/** The first of this month, of those in which a license of today may end, and of the one after them. */
function months(): Date[] {
  const today = new Date();
  return Array.from({ length: NAMES.length + 1 }, (_, ahead) => new Date(today.getFullYear(), today.getMonth() + ahead, 1));
}

export function Component() {
  const { kind } = useSession()!;
  const [scope, setScope] = useState<Scope>("SUBTREE");
  /** Of which the first chart is there. What the second tells takes the longest, and would keep the first one waiting. */
  const [told, setTold] = useState<Scope>();
  return (
    <Stack>
      <Heading>Overview</Heading>
      {kind !== "CUSTOMER" && (
        <SegmentedControl aria-label="Of which companies" value={scope} onChange={(value) => setScope(value as Scope)} w="fit-content"
          data={[{ value: "SUBTREE", label: "With all beneath" }, { value: "OWN", label: "Own alone" }]} />
      )}
      <ExpiryMonths scope={scope} onTold={setTold} />
      <LicenseDays scope={scope} isNext={told === scope} />
    </Stack>
  );
}

/** A card that comes when what it tells is known. */
function Chart({ title, error, children }: { title: string; error?: CombinedError; children?: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} size="h4">{title}</Title>
      {error && !children && <Unread error={error} />}
      {!children && !error && <Loading />}
      {children}
    </Card>
  );
}

function ExpiryMonths({ scope, onTold }: { scope: Scope; onTold: (scope: Scope) => void }) {
  const starts = useMemo(months, []);
  const filters = useMemo(() => Object.fromEntries(NAMES.map((name, index) => [
    name, { status: ["AVAILABLE" as const, "ALLOCATED" as const], expiresAt: { gte: starts[index]!.toISOString(), lt: starts[index + 1]!.toISOString() } },
  ])), [starts]);
  const [{ data, error, isOld }] = useRead({ query: MONTHS, variables: { scope, ...filters }, context: SELDOM });
  const isTold = !isOld && Boolean(data ?? error);
  useEffect(() => {
    if (isTold) onTold(scope);
  }, [isTold, scope, onTold]);
  const expiring = data && !isOld && NAMES.map((name, index) => ({ month: MONTH.format(starts[index]), Licenses: data[name].totalCount }));
  return (
    <Chart title="Licenses by expiry month" error={error}>
      {expiring && (
        <>
          <BarChart h={240} mt="sm" yAxisProps={{ allowDecimals: false }} data={expiring} dataKey="month" series={[{ name: "Licenses", color: "teal.7" }]} aria-hidden
            valueFormatter={number} barChartProps={{ accessibilityLayer: false }} />
          <VisuallyHidden>
            <Table><Table.Tbody>{expiring.map(({ month, Licenses }) => <Table.Tr key={month}><Table.Th>{month}</Table.Th><Table.Td>{number(Licenses)}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
          </VisuallyHidden>
        </>
      )}
    </Chart>
  );
}

function LicenseDays({ scope, isNext }: { scope: Scope; isNext: boolean }) {
  const { companyId } = useSession()!;
  const [{ data, error, isOld }] = useRead({ query: DAYS, variables: { id: companyId, scope }, pause: !isNext, context: SELDOM });
  const summary = isOld ? undefined : data?.company?.licenseSummary;
  return (
    <Chart title="License-days" error={error}>
      {summary && (
        <>
          <Text size="sm" mb="sm">
            {number(summary.licenseDaysElapsed)} passed; {number(summary.licenseDaysUsed)} of them with a learner, {number(summary.licenseDaysIdle)} idle.
          </Text>
          <BarChart h={110} data={[{ what: "License-days", Used: summary.licenseDaysUsed, Idle: summary.licenseDaysIdle }]} dataKey="what"
            orientation="vertical" type="stacked" withLegend legendProps={{ itemSorter: null }} withYAxis={false} aria-hidden valueFormatter={number}
            barChartProps={{ accessibilityLayer: false }} series={[{ name: "Used", color: "teal.7" }, { name: "Idle", color: "orange.6" }]} />
        </>
      )}
    </Chart>
  );
}
