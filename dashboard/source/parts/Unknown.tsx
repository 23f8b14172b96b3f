import { Text } from "@mantine/core";

import { Heading } from "./Shell";

export const Unknown = () => <><Heading>There is no such page</Heading><Text>Choose one from the menu.</Text></>;
