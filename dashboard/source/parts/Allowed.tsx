import { Button, type ButtonProps, Menu, Text, Tooltip } from "@mantine/core";
import type { MouseEventHandler, ReactNode } from "react";

export interface Permission {
  allowed: boolean;
  reason?: string | null;
}
interface Props extends ButtonProps {
  permission?: Permission;
  onClick: MouseEventHandler<HTMLButtonElement>;
  children: ReactNode;
}

/** A button that says why not, to mouse, finger and keyboard alike, where it is not allowed. */
export function AllowedButton({ permission, onClick, children, ...props }: Props) {
  if (!permission || permission.allowed) return <Button {...props} onClick={onClick}>{children}</Button>;
  return (
    <Tooltip label={permission.reason} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      <Button {...props} data-disabled aria-disabled onClick={(event) => event.preventDefault()}>{children}</Button>
    </Tooltip>
  );
}

/** The same in a menu. */
export function AllowedItem({ permission, onClick, children }: Props) {
  const isAllowed = permission?.allowed ?? true;
  return (
    <Menu.Item onClick={isAllowed ? onClick : undefined} aria-disabled={!isAllowed} closeMenuOnClick={isAllowed}
      c={isAllowed ? undefined : "dimmed"} maw={320}>
      {children}
      {!isAllowed && <Text size="xs">{permission?.reason}</Text>}
    </Menu.Item>
  );
}
