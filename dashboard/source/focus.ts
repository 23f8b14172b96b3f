// Where the focus is, when what had it is gone.

import { type FocusEvent, type RefObject, useEffect, useRef, useState } from "react";

/** A button is disabled while it is busy, and browsers take the focus from it: it gets that back, if nothing else has it by then. */
export function keepFocus() {
  let busy: Node | undefined;
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (!(target instanceof HTMLButtonElement)) continue;
      if (target.disabled && target === document.activeElement) busy = target;
      else if (!target.disabled && target === busy && document.activeElement === document.body) target.focus();
    }
  }).observe(document, { subtree: true, attributeFilter: ["disabled"] });
}

/** What one reads a page from. */
export function focusHeading() {
  document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}

/** What had the focus before; a menu has closed meanwhile, and then it is what opened that. */
function opener(): Element | null {
  const menu = document.activeElement?.closest("[role=menu]");
  return menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : document.activeElement;
}

/** Gives the focus back, for the dialog comes and goes as a whole; nobody else has given it back before. */
export function useFocusBack(isDialog = true) {
  const [before] = useState(opener);
  useEffect(() => () => {
    if (!isDialog) return;
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    else if (document.activeElement === document.body) focusHeading();
  }, [before, isDialog]);
}

/** Where one of these had the focus and goes, the focus goes to the heading. */
export function useFocusKept(rows: unknown[]) {
  const last = useRef<Element>(null);
  useEffect(() => {
    if (last.current?.isConnected === false && document.activeElement === document.body) focusHeading();
  }, [rows]);
  return { onFocus: ({ target }: FocusEvent) => void (last.current = target) };
}

/** Nothing but this part of the body is reached or clicked, be it other dialogs, menus or notes; what is open among them stays so. */
export function useAlone(part: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const others = [...document.body.children].filter((other): other is HTMLElement => other instanceof HTMLElement && other !== part.current && !other.inert);
    for (const other of others) other.inert = true;
    return () => {
      for (const other of others) other.inert = false;
    };
  }, [part]);
}
