import { Alert, Button, Center, Checkbox, Group, Loader, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { createColumnHelper, type RowSelectionState, rowSelectionFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { type FocusEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import type { CombinedError } from "urql";

import { explained } from "../asking";
import { focusHeading } from "../focus";
import { count } from "../words";

export const PAGE = 25;
/** The three dots stay in sight where the table is wider than the page. */
const AT_HAND = { pos: "sticky", right: 0, px: 4, w: 40 } as const;
const CHOSEN = "var(--mantine-primary-color-light)";
const NOTHING_FITS = "Nothing fits. Remove a filter, or look for less.";
const features = tableFeatures({ rowSelectionFeature });

export interface Place {
  first?: number;
  after?: string;
  last?: number;
  before?: string;
}
export const START: Place = { first: PAGE };

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
}

interface Connection<Row> {
  edges: { node: Row }[];
  totalCount: number;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor?: string | null; endCursor?: string | null };
}

interface Props<Row> {
  label: string;
  one: string;
  many?: string;
  columns: Column<Row>[];
  connection?: Connection<Row>;
  error?: CombinedError;
  onPlace: (place: Place) => void;
  onRetry?: () => void;
  /** What to say where there is nothing at all. */
  empty: ReactNode;
  /** By filters, a search or the like. */
  isNarrowed?: boolean;
  nameOf?: (row: Row) => string;
  selected?: RowSelectionState;
  onSelect?: (selected: RowSelectionState) => void;
}

/** Rows that are chosen, on the page that is shown. */
export function useSelected() {
  const [selected, onSelect] = useState<RowSelectionState>({});
  return { ids: Object.keys(selected).filter((id) => selected[id]), list: { selected, onSelect }, clear: () => onSelect({}) };
}

/** Where a row that had the focus goes, be it done with, the focus goes to the heading. */
function useFocusKept(rows: unknown[]) {
  const last = useRef<Element>(null);
  useEffect(() => {
    if (last.current?.isConnected === false && document.activeElement === document.body) focusHeading();
  }, [rows]);
  return { onFocus: ({ target }: FocusEvent) => void (last.current = target) };
}

/** A page of a list, read from the server; rows are chosen where `onSelect` is given. */
export function DataList<Row extends { id: string }>(props: Props<Row>) {
  const { connection, error, onSelect, selected = {}, nameOf = (row) => row.id } = props;
  const rows = useMemo(() => connection?.edges.map(({ node }) => node) ?? [], [connection]);
  const columns = useMemo(() => {
    const helper = createColumnHelper<typeof features, Row>();
    return props.columns.map(({ id, header, cell }) => helper.display({ id, header, cell: ({ row }) => cell(row.original) }));
  }, [props.columns]);
  const kept = useFocusKept(rows);
  const isBeyond = rows.length === 0 && (connection?.totalCount ?? 0) > 0;
  const { onPlace } = props;
  useEffect(() => {
    if (isBeyond) onPlace(START); // the last rows of the last page have gone
  }, [isBeyond, onPlace]);
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: (row) => row.id,
    state: { rowSelection: selected },
    onRowSelectionChange: (change) => onSelect?.(typeof change === "function" ? change(selected) : change),
  });

  if (error && !connection) {
    return (
      <Alert color="red" title="This could not be read" role="alert">
        <Text size="sm">{explained(error)}</Text>
        {props.onRetry && <Button mt="sm" size="xs" variant="default" onClick={props.onRetry}>Try again</Button>}
      </Alert>
    );
  }
  if (!connection) return <Center p="xl"><Loader role="status" aria-label="Loading" /></Center>;
  if (rows.length === 0) return <Center p="xl" ta="center" c="dimmed">{props.isNarrowed ? NOTHING_FITS : props.empty}</Center>;

  const { pageInfo, totalCount } = connection;
  const turn = (place: Place) => {
    onSelect?.({});
    onPlace(place);
  };
  return (
    <Stack gap="xs" {...kept}>
      <Table.ScrollContainer minWidth={560} type="native" tabIndex={0} role="region" aria-label={props.label}>
        <Table highlightOnHover verticalSpacing="xs" aria-label={props.label}>
          <Table.Thead>
            {table.getHeaderGroups().map((group) => (
              <Table.Tr key={group.id}>
                {onSelect && (
                  <Table.Th w={40}>
                    <Checkbox
                      aria-label="Select all"
                      checked={table.getIsAllRowsSelected()}
                      indeterminate={table.getIsSomeRowsSelected() && !table.getIsAllRowsSelected()}
                      onChange={table.getToggleAllRowsSelectedHandler()}
                    />
                  </Table.Th>
                )}
                {group.headers.map((header) => (
                  <Table.Th key={header.id} pos="relative">
                    {header.column.id === "actions"
                      ? <VisuallyHidden><table.FlexRender header={header} /></VisuallyHidden>
                      : <table.FlexRender header={header} />}
                  </Table.Th>
                ))}
              </Table.Tr>
            ))}
          </Table.Thead>
          <Table.Tbody>
            {table.getRowModel().rows.map((row) => (
              <Table.Tr key={row.id} bg={selected[row.id] ? CHOSEN : undefined}>
                {onSelect && (
                  <Table.Td>
                    <Checkbox
                      aria-label={`Select ${nameOf(row.original)}`}
                      checked={row.getIsSelected()}
                      onChange={row.getToggleSelectedHandler()}
                    />
                  </Table.Td>
                )}
                {row.getAllCells().map((cell) => (
                  <Table.Td key={cell.id} {...(cell.column.id === "actions" && { ...AT_HAND, bg: selected[row.id] ? undefined : "var(--mantine-color-body)" })}><table.FlexRender cell={cell} /></Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">{count(totalCount, props.one, props.many)}</Text>
        {(pageInfo.hasNextPage || pageInfo.hasPreviousPage) && (
          <Group gap="xs">
            <Button size="xs" variant="default" disabled={!pageInfo.hasPreviousPage}
              onClick={() => turn({ last: PAGE, before: pageInfo.startCursor ?? undefined })}>
              Previous
            </Button>
            <Button size="xs" variant="default" disabled={!pageInfo.hasNextPage}
              onClick={() => turn({ first: PAGE, after: pageInfo.endCursor ?? undefined })}>
              Next
            </Button>
          </Group>
        )}
      </Group>
    </Stack>
  );
}
