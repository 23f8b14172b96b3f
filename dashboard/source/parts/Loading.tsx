import { Center, type CenterProps, Loader } from "@mantine/core";

/** In the place of what comes later. */
export const Loading = (props: CenterProps) => <Center p="xl" {...props}><Loader role="status" aria-label="Loading" /></Center>;
