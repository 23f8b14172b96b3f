import { NumberInput, type NumberInputProps } from "@mantine/core";

import type { InputEvent } from "react";

import { MOST } from "../save";
import { DECIMAL, GROUPS, inFigures, THOUSANDS } from "../words";

/** Its digits may be those of the reader's language, which the field would leave out. */
function figured(event: InputEvent<HTMLInputElement>) {
  const figures = inFigures(event.data);
  if (figures === event.data) return;
  event.preventDefault();
  document.execCommand("insertText", false, figures); // as if it were typed, and so it can be undone
}

/** For how many of something, written by the locale of the browser: what is pasted as 1,000 or 1.000 there is a thousand. */
export const WholeInput = (props: NumberInputProps) => (
  <NumberInput
    min={1} allowDecimal={false} allowNegative={false} clampBehavior="none" thousandSeparator={THOUSANDS} thousandsGroupStyle={GROUPS} decimalSeparator={DECIMAL} allowedDecimalSeparators={[DECIMAL]}
    isAllowed={({ floatValue }) => (floatValue ?? 0) <= MOST} onBeforeInput={figured} {...props}
  />
);
