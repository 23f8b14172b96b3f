// Notes that tell what became of something, wherever one is by then.

import { notifications } from "@mantine/notifications";

/** What went wrong is told until it is closed. */
export const tellFailure = (title: string, message: string) => notifications.show({ color: "red", autoClose: false, title, message });
