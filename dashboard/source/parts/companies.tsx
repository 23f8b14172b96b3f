import { Anchor, Badge, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { number, word } from "../words";

export interface Shown {
  id: string;
  name: string;
  kind: string;
  plan: string;
  status: string;
  licenseSummary: { available: number; expiring: number; requested: number };
}

/** What lists of companies tell of each. */
export const FACTS: { id: string; header: string; cell: (company: Shown) => ReactNode }[] = [
  { id: "kind", header: "Kind", cell: ({ kind }) => word(kind) },
  { id: "plan", header: "Plan", cell: ({ plan }) => (plan === "NONE" ? "–" : word(plan)) },
  { id: "available", header: "Available", cell: ({ licenseSummary }) => number(licenseSummary.available) },
  { id: "expiring", header: "Expiring", cell: ({ licenseSummary }) => number(licenseSummary.expiring) },
  { id: "requested", header: "Requested", cell: ({ licenseSummary }) => number(licenseSummary.requested) },
];

/** To its page, from lists of other things. */
export function CompanyLink({ company: { id, name } }: { company: { id: string; name: string } }) {
  return <Anchor component={Link} to={`/companies/${id}`} size="sm">{name}</Anchor>;
}

/** Within a tree, which goes from one to the next by arrows, it is no stop for Tab. */
export function CompanyName({ company: { id, name, status }, isInTree = false }: { company: Shown; isInTree?: boolean }) {
  return (
    <Group gap="xs" wrap="nowrap" component="span">
      <Anchor component={Link} to={`/companies/${id}`} size="sm" miw={0} {...(isInTree && { tabIndex: -1, onClick: (event) => event.stopPropagation() })}>
        {name}
      </Anchor>
      {status === "ARCHIVED" && <Badge color="gray" variant="default">Archived</Badge>}
    </Group>
  );
}
