// Where the focus is, when what had it is gone.

import { type FocusEvent, type RefObject, useEffect, useRef, useState } from "react";

const dialogOf = (part: Element | null) => part?.closest<HTMLElement>("[role=dialog]") ?? null;
export const focusDialogOf = (part: Element | null) => dialogOf(part)?.focus({ preventScroll: true });

/**
 * A button is disabled while it is busy or of no use, and browsers take the focus from it: it gets that back, if nothing else has
 * it by then. Meanwhile its dialog has it, for from nowhere Tab leads behind that.
 */
export function keepFocus() {
  let busy: Node | undefined;
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (!(target instanceof HTMLButtonElement)) continue;
      const now = document.activeElement;
      if (target.disabled && target === now) {
        busy = target;
        focusDialogOf(target);
      } else if (!target.disabled && target === busy && (now === document.body || now === dialogOf(target))) {
        target.focus();
      }
    }
  }).observe(document, { subtree: true, attributeFilter: ["disabled"] });
}

/** What one reads a page from. */
export function focusHeading() {
  document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}

/** From wherever on the page. It is near the top: where it would be in the middle, nothing lies on it. */
function goToHeading() {
  focusHeading();
  document.querySelector("h1")?.scrollIntoView({ block: "center" });
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
    else if (document.activeElement === document.body) goToHeading();
  }, [before, isDialog]);
}

/** Where one of these had the focus and goes, the focus goes to the heading. */
export function useFocusKept(rows: unknown[]) {
  const last = useRef<Element>(null);
  useEffect(() => {
    if (last.current?.isConnected === false && document.activeElement === document.body) goToHeading();
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
