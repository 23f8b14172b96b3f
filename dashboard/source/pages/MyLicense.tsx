import { Card, Stack, Table, Text } from "@mantine/core";

import { graphql } from "../graphql";
import { Loading } from "../parts/Loading";
import { Heading } from "../parts/Shell";
import { Unread } from "../parts/Unread";
import { useRead, useReadNowAndThen } from "../reading";
import { apart, count, day, word } from "../words";

const MINE = graphql(`
  query MyLicense {
    viewer {
      company { id name }
      user {
        id
        license { id type expiresAt daysRemaining }
        allocations(first: 50) { edges { node { id allocatedAt releasedAt releaseReason license { id type } } } }
      }
    }
  }
`);

/** What a learner sees. */
export function Component() {
  const [{ data, error }, again] = useRead({ query: MINE });
  useReadNowAndThen(again, error);
  const viewer = data?.viewer;
  if (error && !viewer) return <Unread error={error} />;
  if (!viewer) return <Loading />;
  const { license, allocations } = viewer.user;
  return (
    <Stack>
      <Heading>My license</Heading>
      <Card withBorder>
        <Text fw={700} size="xl">{license ? word(license.type) : "None"}</Text>
        <Text size="sm">
          {!license && `Ask a manager of ${apart(viewer.company.name)} for one.`}
          {license && (license.expiresAt ? `Until ${day(license.expiresAt)}: ${count(license.daysRemaining ?? 0, "day")} left.` : "It never expires.")}
        </Text>
      </Card>
      {allocations.edges.length > 0 && (
        <Table aria-label="Licenses so far">
          <Table.Thead><Table.Tr><Table.Th>License</Table.Th><Table.Th>From</Table.Th><Table.Th>Until</Table.Th><Table.Th>Why it ended</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {allocations.edges.map(({ node }) => (
              <Table.Tr key={node.id}>
                <Table.Td>{word(node.license.type)}</Table.Td>
                <Table.Td>{day(node.allocatedAt)}</Table.Td>
                <Table.Td>{day(node.releasedAt)}</Table.Td>
                <Table.Td>{node.releaseReason ? word(node.releaseReason) : "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}
