// Where the focus is, when what had it is gone.

/** What one reads a page from. */
export function focusHeading() {
  document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}
