import { Button, Group, Loader, Space, Table, Text, Tree, type TreeNodeData, useTree, VisuallyHidden } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useState } from "react";
import type { CombinedError } from "urql";

import { graphql } from "../graphql";
import { explained } from "../asking";
import { useRead, useReadNowAndThen } from "../reading";
import { current, hearsBeneath } from "../session";
import { CompanyName, FACTS, type Shown } from "./companies";
import classes from "./CompanyTree.module.css";

const CHILDREN = graphql(`
  query CompanyChildren($id: ID!, $first: Int!, $after: String) {
    company(id: $id) {
      id
      children(first: $first, after: $after) {
        edges { node { id name kind plan status licenseSummary { id available expiring requested } children(first: 0) { totalCount } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);
const STEP = 50;

interface Branch extends Shown {
  children: { totalCount: number };
}
/** Some of what is directly beneath a company; what follows begins where it ends. */
interface Page {
  key: string;
  id: string;
  after?: string;
}
interface Read {
  companies: Branch[];
  next?: string;
  error?: CombinedError;
  again: () => void;
}

const keyOf = (id: string, after = "") => `${id} ${after}`;

/** Enter does what a click on it would. */
function enter({ key, target }: KeyboardEvent) {
  if (key === "Enter" && target instanceof HTMLElement && target.role === "treeitem") target.querySelector<HTMLElement>("a, button")?.click();
}

/** What was open when it was seen last: whoever comes back goes on there. */
const seen = new Map<string, { opened: Record<string, boolean>; steps: Record<string, number> }>();

/** The companies beneath one, read level by level, and a long level step by step. */
export default function CompanyTree({ root }: { root: Branch }) {
  const before = seen.get(root.id);
  const [opened, setOpened] = useState(before?.opened ?? { [root.id]: true });
  const [steps, setSteps] = useState(before?.steps ?? {});
  const [read, setRead] = useState<Record<string, Read>>({});
  const open = (id: string, isOpen: boolean) => setOpened((all) => ({ ...all, [id]: isOpen }));
  // Its own state is set anew whenever what it shows changes, be something just opened or not.
  const tree = useTree({ expandedState: opened, onNodeExpand: (id) => open(id, true), onNodeCollapse: (id) => open(id, false) });
  useEffect(() => void seen.set(root.id, { opened, steps }), [root.id, opened, steps]);

  const { data, pages } = useMemo(() => {
    const pages: Page[] = [];

    function grown(company: Branch): TreeNodeData {
      const { id } = company;
      const hasChildren = company.children.totalCount > 0;
      const isShown = opened[id] || keyOf(id) in read;
      return { value: id, label: <CompanyName company={company} isInTree />, nodeProps: { company }, hasChildren, children: hasChildren && isShown ? beneath(id) : undefined };
    }

    function beneath(id: string): TreeNodeData[] {
      const nodes: TreeNodeData[] = [];
      let last: Read | undefined;
      for (let step = 0; step < (steps[id] ?? 1) && (step === 0 || last?.next); step++) {
        const page = { key: keyOf(id, last?.next), id, after: last?.next };
        if (opened[id]) pages.push(page);
        last = read[page.key];
        nodes.push(...(last?.companies.map(grown) ?? []));
      }
      if (!last || last.next || last.error) nodes.push({ value: `after ${id}`, label: <Rest read={last} onMore={() => more(id)} /> });
      return nodes;
    }

    const more = (id: string) => setSteps((before) => ({ ...before, [id]: (before[id] ?? 1) + 1 }));
    return { data: [grown(root)], pages };
  }, [root, steps, read, opened]);

  return (
    <Table.ScrollContainer className={classes.tree} minWidth={0} type="native" tabIndex={0} role="region" aria-label="Companies">
      <Text className={classes.row} component="div" size="sm" fw={700} aria-hidden>
        <span>Name</span>
        {FACTS.map(({ id, header }) => <span key={id}>{header}</span>)}
      </Text>
      <Tree data={data} tree={tree} levelOffset={20} aria-label="Companies" onKeyDown={enter} renderNode={({ node, expanded, hasChildren, elementProps }) => (
        <div {...elementProps} className={`${elementProps.className} ${classes.row}`}>
          <Group gap="xs" wrap="nowrap">
            {hasChildren && (expanded ? <IconChevronDown size={16} aria-hidden /> : <IconChevronRight size={16} aria-hidden />)}
            {!hasChildren && <Space w={16} />}
            {node.label}
          </Group>
          {node.nodeProps && FACTS.map(({ id, header, cell }) => (
            <Text key={id} span size="sm"><VisuallyHidden className={classes.header}>{header} </VisuallyHidden>{cell(node.nodeProps!.company as Branch)}</Text>
          ))}
        </div>
      )} />
      {pages.map((page) => <Reading key={page.key} page={page} onRead={(answer) => setRead((before) => ({ ...before, [page.key]: answer }))} />)}
    </Table.ScrollContainer>
  );
}

/** Reads a step of a level, again whenever something has changed. */
function Reading({ page: { id, after }, onRead }: { page: Page; onRead: (answer: Read) => void }) {
  const [{ data, error, reading }, again] = useRead({ query: CHILDREN, variables: { id, first: STEP, after } });
  useReadNowAndThen(again, error, hearsBeneath(current()) ? undefined : reading);
  const children = data?.company?.children;
  useEffect(() => {
    if (!children && !error) return;
    const next = children?.pageInfo.hasNextPage ? children.pageInfo.endCursor ?? undefined : undefined;
    onRead({ companies: children?.edges.map(({ node }) => node) ?? [], next, error: children ? undefined : error, again });
  }, [children, error]);
  return null;
}

/** What stands where a level goes on. */
function Rest({ read, onMore }: { read?: Read; onMore: () => void }) {
  if (!read) return <Loader size="xs" role="status" aria-label="Loading" />;
  const { error, again } = read;
  if (error) return <Button size="compact-xs" variant="subtle" color="red" tabIndex={-1} onClick={again}>{explained(error)} Try again</Button>;

  function more(event: MouseEvent) {
    event.stopPropagation();
    // Whoever goes by keyboard goes on from the last one above: this may not stay.
    const above = event.currentTarget.closest("li")?.previousElementSibling;
    if (above instanceof HTMLElement) above.focus();
    onMore();
  }
  return <Button size="compact-xs" variant="subtle" tabIndex={-1} onClick={more}>Show more</Button>;
}
