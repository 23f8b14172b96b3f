// How things are told: by the locale of the browser.

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const INSTANT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const NUMBER = new Intl.NumberFormat(undefined);
const PARTS = NUMBER.formatToParts(11_111_111.1);
const sign = (type: "group" | "decimal", usual: string) => PARTS.find((part) => part.type === type)?.value ?? usual;
const LIST = new Intl.ListFormat(undefined, { type: "conjunction" });

export const THOUSANDS = sign("group", ",");
export const DECIMAL = sign("decimal", ".");
export const day = (at?: string | null) => (at ? DAY.format(new Date(at)) : "–");
export const instant = (at?: string | null) => (at ? INSTANT.format(new Date(at)) : "–");
export const number = (value: number) => NUMBER.format(value);
export const list = (names: string[]) => LIST.format(names);
export const count = (value: number, one: string, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** PARTIALLY_ASSIGNED: Partially assigned. */
export function word(value: string): string {
  if (value === "NFR") return value;
  const text = value.replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

interface Mail {
  recipient: string;
}
const recipients = (mails: readonly Mail[]) => list([...new Set(mails.map(({ recipient }) => recipient))]);
export const wasMailed = (mails: readonly Mail[]) => (mails.length > 0 ? `Mailed: ${recipients(mails)}.` : "Nobody was mailed.");
export const willBeMailed = (mails: readonly Mail[]) => (mails.length > 0 ? `Will be mailed: ${recipients(mails)}.` : "Nobody will be mailed.");
