// Notes that tell what became of something, wherever one is by then.

import { notifications } from "@mantine/notifications";

import { isUnanswered, type Payload, placed } from "./save";

/** What went wrong is told until it is closed. */
export const tellFailure = (title: string, message: string) => notifications.show({ color: "red", autoClose: false, title, message });

export const DONE_ONCE = "The same was sent before, and not answered. It is done once, not twice.";
/** Beside what tells of it as if it were new. */
export const tellDoneOnce = () => notifications.show({ message: DONE_ONCE });

/** Of what somebody began and has left. */
export function tellRefused(title: string, answer: Payload, names?: Record<string, string>) {
  tellFailure(`${isUnanswered(answer) ? "Not answered" : "Not done"}: ${title}`, placed(answer.errors, [], names).rest.join(" "));
}
