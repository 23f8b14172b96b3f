import { Alert, Button, Group, Modal, Text } from "@mantine/core";
import { type ComponentType, type ReactNode, useEffect, useState } from "react";

import { UNREACHED } from "../asking";
import { useFocusBack } from "../focus";
import { Loading } from "./Loading";

const NEWER = "The connection was lost for a moment, or there is a newer Canopy now. Where trying again does not help, load the page again.";

/** In the place of what did not come; the page beneath it stays as it is. */
function Missing({ onClose, again }: { onClose?: () => void; again: () => Promise<void> }) {
  const [isBusy, setBusy] = useState(false);
  const [isAway, setAway] = useState(true);
  async function look() {
    setAway(!(await fetch("/", { cache: "no-store" }).then(() => true, () => false)));
  }
  useEffect(() => void look(), []);

  async function retry() {
    setBusy(true);
    await again();
    await look();
    setBusy(false);
  }

  const told = (
    <Alert color="red" role="alert" title="This could not be loaded">
      <Text size="sm">{isAway ? UNREACHED : NEWER}</Text>
      <Group mt="sm" gap="xs">
        <Button size="xs" variant="default" loading={isBusy} data-autofocus onClick={() => void retry()}>Try again</Button>
        {!isAway && <Button size="xs" variant="default" onClick={() => location.reload()}>Load the page again</Button>}
      </Group>
    </Alert>
  );
  return onClose ? <Modal opened onClose={onClose} title="Not loaded">{told}</Modal> : told;
}

/** Over the page that it comes to. */
const OVER = <Loading pos="fixed" inset={0} style={{ zIndex: 200, pointerEvents: "none" }} />;

/** A part of a page that comes when it is first shown, and again when it did not come. */
export function later<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>, meanwhile: ReactNode = OVER) {
  let known: ComponentType<Props> | undefined;
  return function Later(props: Props & { onClose?: () => void }) {
    const [Part, setPart] = useState(() => known);
    const [isMissing, setMissing] = useState(false);
    useFocusBack(Boolean(props.onClose)); // for what opened it may have had to be tried twice

    async function get() {
      try {
        known = (await load()).default;
        setPart(() => known);
      } catch {
        setMissing(true);
      }
    }
    useEffect(() => {
      if (!known) void get();
    }, []);

    if (Part) return <Part {...props} />;
    return isMissing ? <Missing onClose={props.onClose} again={get} /> : meanwhile;
  };
}
