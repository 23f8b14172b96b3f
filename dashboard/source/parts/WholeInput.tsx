import { NumberInput, type NumberInputProps } from "@mantine/core";

import { MOST } from "../save";
import { DECIMAL, GROUPS, THOUSANDS } from "../words";

/** For how many of something, written by the locale of the browser: what is pasted as 1,000 or 1.000 there is a thousand. */
export const WholeInput = (props: NumberInputProps) => (
  <NumberInput
    min={1} allowDecimal={false} allowNegative={false} clampBehavior="none" thousandSeparator={THOUSANDS} thousandsGroupStyle={GROUPS} decimalSeparator={DECIMAL} allowedDecimalSeparators={[DECIMAL]}
    isAllowed={({ floatValue }) => (floatValue ?? 0) <= MOST} {...props}
  />
);
