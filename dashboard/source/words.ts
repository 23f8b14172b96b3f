// How things are told: by the locale of the browser.

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const INSTANT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const NUMBER = new Intl.NumberFormat(undefined);
const PARTS = NUMBER.formatToParts(11_111_111.1);
const sign = (type: "group" | "decimal", usual: string) => PARTS.find((part) => part.type === type)?.value ?? usual;
const LIST = new Intl.ListFormat(undefined, { type: "conjunction" });

/** In India 1,00,000 is a hundred thousand. */
export const GROUPS = PARTS.filter(({ type }) => type === "integer")[1]?.value.length === 2 ? "lakh" : "thousand";
export const THOUSANDS = sign("group", ",");
export const DECIMAL = sign("decimal", ".");
const DIGITS = Array.from({ length: 10 }, (_, digit) => NUMBER.format(digit));
/** What is written in the digits of the reader's language, in those of JavaScript. */
export const inFigures = (text: string) => Array.from(text, (sign) => (DIGITS.includes(sign) ? DIGITS.indexOf(sign) : sign)).join("");
export const day = (at?: string | null) => (at ? DAY.format(new Date(at)) : "–");
export const instant = (at?: string | null) => (at ? INSTANT.format(new Date(at)) : "–");
export const number = (value: number) => NUMBER.format(value);
/** A number that stands for itself, as the API writes it: 1,500. What is within quotes is a name, and stays as it is. */
const FIGURES = /(?<!\w)(["'])(?:\\.|(?!\1).)*\1|(?<![\w.,:/#-])(?:\d{1,3}(?:,\d{3})+|\d+)(?![\w%]|[.,:/-]\w)/g;
/** A sentence of the API: its numbers as the reader has them. */
export const said = (sentence: string) =>
  sentence.replace(FIGURES, (found, quote?: string) => (quote ? found : NUMBER.format(BigInt(found.replaceAll(",", "")))));
/** In what happened people and companies are named without quotes: there, no more than how many licenses or people it was. */
const NUMBERED = /(?<!\S)\d{1,3}(?:,\d{3})+(?= (?:licenses|people) )/g;
export const happened = (sentence: string) => sentence.replace(NUMBERED, said);
/** What turns the direction of what is written after it. */
const TURNS = /[\p{Bidi_Control}\p{Script=Arabic}\p{Script=Hebrew}]/u;
/** A name within a sentence: it is written in whatever direction, and the sentence goes on in its own. */
export const apart = (name = "") => (TURNS.test(name) ? `\u2068${name}\u2069` : name);
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
