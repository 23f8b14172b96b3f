import { Button, type ButtonProps, Menu, Text, Tooltip } from "@mantine/core";
import type { MouseEventHandler, ReactNode } from "react";

import { said } from "../words";

export interface Permission {
  allowed: boolean;
  reason?: string | null;
}
/** What the server has not said yet. */
const UNKNOWN: Permission = { allowed: false, reason: "Whether you may is being asked." };

interface Props extends ButtonProps {
  permission: Permission | undefined;
  onClick: MouseEventHandler<HTMLButtonElement>;
  children: ReactNode;
}

/** A button that says why not, to mouse, finger and keyboard alike, where it is not allowed. It is the same one when that changes. */
export function AllowedButton({ permission = UNKNOWN, onClick, children, ...props }: Props) {
  const refused = permission.allowed ? {} : { "data-disabled": true, "aria-disabled": true };
  return (
    <Tooltip label={permission.reason && said(permission.reason)} disabled={permission.allowed} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      <Button {...props} {...refused} onClick={permission.allowed ? onClick : (event) => event.preventDefault()}>{children}</Button>
    </Tooltip>
  );
}

/** The same in a menu. */
export function AllowedItem({ permission = UNKNOWN, onClick, children }: Props) {
  const { allowed, reason } = permission;
  return (
    <Menu.Item onClick={allowed ? onClick : undefined} aria-disabled={!allowed} closeMenuOnClick={allowed}
      c={allowed ? undefined : "dimmed"} maw="min(20rem, 90vw)">
      {children}
      {!allowed && <Text size="xs">{reason && said(reason)}</Text>}
    </Menu.Item>
  );
}

interface OnTrial {
  upgrades: { edges: { node: { number: string } }[] };
  viewerCan: { upgradeTrial: Permission };
}

/** Not while an order for it waits: what waits can be changed, and another would be one too many. */
export function mayUpgrade({ upgrades: { edges: [waiting] }, viewerCan: { upgradeTrial } }: OnTrial): Permission {
  if (!waiting || !upgradeTrial.allowed) return upgradeTrial;
  return { allowed: false, reason: `${waiting.node.number} asks for it already: change that order, or cancel it.` };
}
