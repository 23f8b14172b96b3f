import type { OrdersQuery } from "../../generated/graphql";

export type Order = OrdersQuery["orders"]["edges"][number]["node"];

/** What can be done with an order, by the words of its menu, in their order there; and which right that needs. */
export const RIGHTS = {
  Assign: "assign",
  "Assign some": "assign",
  Decline: "decline",
  Change: "update",
  Cancel: "cancel",
  Return: "return",
} as const;
export type Deed = keyof typeof RIGHTS;
const OPEN: Deed[] = ["Assign", "Assign some", "Decline", "Change", "Cancel"];
const BY_STATUS: Partial<Record<Order["status"], Deed[]>> = { REQUESTED: OPEN, PARTIALLY_ASSIGNED: OPEN, ASSIGNED: ["Return"] };

/** One's own orders are not declined. */
export const deedsOf = (order: Order, isMine: boolean) =>
  (BY_STATUS[order.status] ?? []).filter((deed) => !(isMine && deed === "Decline"));
