import { Center, Checkbox, Group, Stack, Table, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowsSort, IconArrowUp } from "@tabler/icons-react";
import {
  createColumnHelper, type RowSelectionState, rowSelectionFeature, rowSortingFeature, type SortingState, tableFeatures, type Updater, useTable,
} from "@tanstack/react-table";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSearchParams } from "react-router";
import type { CombinedError } from "urql";

import { useFocusKept } from "../focus";
import { useSession } from "../session";
import { count } from "../words";
import { AllowedButton } from "./Allowed";
import { Loading } from "./Loading";
import { Unread } from "./Unread";
import classes from "./DataList.module.css";

export const PAGE = 25;
const CHOSEN = "var(--mantine-primary-color-light)";
const NOTHING_FITS = "Nothing fits. Remove a filter, or look for less.";
const features = tableFeatures({ rowSelectionFeature, rowSortingFeature });

export interface Place {
  first?: number;
  after?: string;
  last?: number;
  before?: string;
}
const START: Place = { first: PAGE };
type Turn = (place: Place, replace?: boolean) => void;

/** The page that is shown, kept with the step in the browser's history: back and forward come to it again, as long as it is the same company's. */
export function usePlace(): [Place, Turn] {
  const { companyId } = useSession()!;
  const { state } = useLocation();
  const [, setSearch] = useSearchParams();
  const kept = state as { place: Place; of: string } | null;
  const wanted = useRef<Place>(undefined);
  useEffect(() => {
    wanted.current = kept?.place;
  }, [kept]);
  /** The same place twice, as by a double click, is one step: the second may come before the first is shown. */
  const turn: Turn = (place, replace) => {
    const isSame = JSON.stringify(place) === JSON.stringify(wanted.current);
    wanted.current = place;
    setSearch((before) => before, { replace: replace || isSame, state: { place, of: companyId } });
  };
  return [kept?.of === companyId ? kept.place : START, turn];
}

export interface Column<Row> {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** What the API calls the order of this column, where it sorts by it. */
  orderBy?: string;
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
  /** These rows are of what was looked for before; they stay until the new ones come. */
  isOld?: boolean;
  onPlace: Turn;
  /** What to say where there is nothing at all. */
  empty: ReactNode;
  /** By filters, a search or the like. */
  isNarrowed?: boolean;
  sort?: ReturnType<typeof useSort>;
  nameOf?: (row: Row) => string;
  selected?: RowSelectionState;
  onSelect?: (selected: RowSelectionState) => void;
}

const SORT = "sort";
const ACTIONS = "actions";
const ARIA = { asc: "ascending", desc: "descending" } as const;
const ARROWS = { asc: IconArrowUp, desc: IconArrowDown };
const changed = <State,>(change: Updater<State>, before: State) => (change instanceof Function ? change(before) : change);

/** What a list is sorted by, as the address has it: one of these fields of the API, or its own order. And the place in it, which begins anew with another. */
export function useSort<Field extends string>(fields: readonly Field[]) {
  const [search, setSearch] = useSearchParams();
  const [name, direction] = (search.get(SORT) ?? "").split(".");
  const field = fields.find((known) => known === name);
  const orderBy = field && { field, direction: direction === "DESC" ? ("DESC" as const) : ("ASC" as const) };
  const [place, setPlace] = usePlace();

  function put(next?: { field: string; direction: string }) {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (next) after.set(SORT, `${next.field}.${next.direction}`);
      else after.delete(SORT);
      return after;
    });
  }

  return { orderBy, put, place, setPlace };
}

/** Rows that are chosen, on the page that is shown. */
export function useSelected() {
  const [selected, onSelect] = useState<RowSelectionState>({});
  return { ids: Object.keys(selected).filter((id) => selected[id]), list: { selected, onSelect }, clear: () => onSelect({}) };
}

/** What a cell is where a row is a card. */
const partOf = (index: number, id: string) => (index === 0 ? classes.title : id === ACTIONS ? classes.actions : classes.fact);

function Arrow({ sorted }: { sorted: false | "asc" | "desc" }) {
  const Icon = sorted ? ARROWS[sorted] : IconArrowsSort;
  return <Icon size={14} aria-hidden opacity={sorted ? 1 : 0.5} />;
}

function ariaSort(column: { getCanSort: () => boolean; getIsSorted: () => false | "asc" | "desc" }) {
  const sorted = column.getIsSorted();
  if (!column.getCanSort()) return undefined;
  return sorted ? ARIA[sorted] : "none";
}

/** A page of a list, read from the server; rows are chosen where `onSelect` is given. */
export function DataList<Row extends { id: string }>(props: Props<Row>) {
  const { connection, error, onSelect, selected = {}, nameOf = (row) => row.id, sort } = props;
  const by = sort?.orderBy;
  const sorting = props.columns.filter(({ orderBy }) => by && orderBy === by.field).map(({ id }) => ({ id, desc: by?.direction === "DESC" }));
  const rows = useMemo(() => connection?.edges.map(({ node }) => node) ?? [], [connection]);
  const columns = useMemo(() => {
    const helper = createColumnHelper<typeof features, Row>();
    return props.columns.map(({ id, header, orderBy }) =>
      helper.accessor((row): unknown => row.id, { id, header, enableSorting: Boolean(orderBy), sortDescFirst: false }));
  }, [props.columns]);
  const kept = useFocusKept(rows);
  const isBeyond = rows.length === 0 && (connection?.totalCount ?? 0) > 0;
  const { onPlace } = props;
  useEffect(() => {
    if (isBeyond) onPlace(START, true); // the last rows of the last page have gone
  }, [isBeyond]);
  useLayoutEffect(() => {
    const here = rows.filter(({ id }) => selected[id]);
    if (here.length < Object.keys(selected).length) onSelect?.(Object.fromEntries(here.map(({ id }) => [id, true])));
  }, [rows]);
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: (row) => row.id,
    state: { rowSelection: selected, sorting },
    onRowSelectionChange: (change) => onSelect?.(changed(change, selected)),
    manualSorting: true,
    enableMultiSort: false,
    onSortingChange: (change) => {
      const [next] = changed<SortingState>(change, sorting);
      const field = props.columns.find(({ id }) => id === next?.id)?.orderBy;
      sort?.put(next && field ? { field, direction: next.desc ? "DESC" : "ASC" } : undefined);
    },
  });

  if (error && !connection) return <Unread error={error} />;
  if (!connection) return <Loading />;
  if (rows.length === 0) return <Center p="xl" ta="center" c="dimmed">{props.isNarrowed ? NOTHING_FITS : props.empty}</Center>;

  const { pageInfo, totalCount } = connection;
  return (
    <Stack gap="xs" {...kept}>
      <Table.ScrollContainer className={classes.list} minWidth={0} type="native" tabIndex={0} role="region" aria-label={props.label}>
        <Table highlightOnHover verticalSpacing="xs" role="table" aria-label={props.label} aria-busy={props.isOld}>
          <Table.Thead role="rowgroup">
            {table.getHeaderGroups().map((group) => (
              <Table.Tr key={group.id} role="row">
                {onSelect && (
                  <Table.Th role="columnheader" className={classes.choice} w={40}>
                    <Checkbox
                      aria-label="Select all"
                      checked={table.getIsAllRowsSelected()}
                      indeterminate={table.getIsSomeRowsSelected() && !table.getIsAllRowsSelected()}
                      onChange={table.getToggleAllRowsSelectedHandler()}
                    />
                  </Table.Th>
                )}
                {group.headers.map((header) => (
                  <Table.Th key={header.id} role="columnheader" pos="relative" aria-sort={ariaSort(header.column)}>
                    {header.column.id === ACTIONS && <VisuallyHidden><table.FlexRender header={header} /></VisuallyHidden>}
                    {header.column.id !== ACTIONS && !header.column.getCanSort() && <table.FlexRender header={header} />}
                    {header.column.getCanSort() && (
                      <UnstyledButton fw={700} fz="sm" onClick={header.column.getToggleSortingHandler()}>
                        <Group gap={4} wrap="nowrap" component="span"><table.FlexRender header={header} /><Arrow sorted={header.column.getIsSorted()} /></Group>
                      </UnstyledButton>
                    )}
                  </Table.Th>
                ))}
              </Table.Tr>
            ))}
          </Table.Thead>
          <Table.Tbody role="rowgroup">
            {table.getRowModel().rows.map((row) => (
              <Table.Tr key={row.id} role="row" bg={selected[row.id] ? CHOSEN : undefined}>
                {onSelect && (
                  <Table.Td role="cell" className={classes.choice}>
                    <Checkbox
                      aria-label={`Select ${nameOf(row.original)}`}
                      checked={row.getIsSelected()}
                      onChange={row.getToggleSelectedHandler()}
                    />
                  </Table.Td>
                )}
                {props.columns.map(({ id, header, cell }, index) => (
                  <Table.Td key={id} role="cell" className={partOf(index, id)} data-header={header}>{cell(row.original)}</Table.Td>
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
            <AllowedButton size="xs" variant="default" permission={{ allowed: pageInfo.hasPreviousPage, reason: "This is the first page." }}
              onClick={() => onPlace({ last: PAGE, before: pageInfo.startCursor ?? undefined })}>
              Previous
            </AllowedButton>
            <AllowedButton size="xs" variant="default" permission={{ allowed: pageInfo.hasNextPage, reason: "This is the last page." }}
              onClick={() => onPlace({ first: PAGE, after: pageInfo.endCursor ?? undefined })}>
              Next
            </AllowedButton>
          </Group>
        )}
      </Group>
    </Stack>
  );
}
