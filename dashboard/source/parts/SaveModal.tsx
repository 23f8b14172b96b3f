import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { type ReactNode, useState } from "react";

import { type Payload, placed } from "../save";

interface Props<Values extends Record<string, unknown>> {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  form: UseFormReturnType<Values>;
  /** The names of the fields, as in the input of the mutation. */
  fields: string[];
  isSaving: boolean;
  /** Undefined: nothing was sent. */
  onSave: (values: Values) => Promise<Payload | undefined>;
  onSaved: (payload: never) => void;
  action?: string;
  color?: string;
  children: ReactNode;
}

/** A form in a dialog. Refusals stand at their fields, by path; the dialog stays until it is saved or closed. */
export function SaveModal<Values extends Record<string, unknown>>(props: Props<Values>) {
  const { form } = props;
  const [rest, setRest] = useState<string[]>([]);

  async function save(values: Values) {
    setRest([]);
    const payload = await props.onSave(values);
    if (!payload) return;
    if (payload.errors.length === 0) {
      props.onSaved(payload as never);
      close();
      return;
    }
    const { byField, rest } = placed(payload.errors, props.fields);
    form.setErrors(byField);
    setRest(rest);
    const first = Object.keys(byField)[0];
    if (first) form.getInputNode(first)?.focus();
  }

  function close() {
    setRest([]);
    props.onClose();
  }

  return (
    <Modal opened={props.isOpen} onClose={close} title={props.title} closeOnClickOutside={false}
      closeButtonProps={{ "aria-label": "Close" }}>
      <form noValidate onSubmit={form.onSubmit((values) => void save(values))}>
        <Stack>
          {props.children}
          {rest.length > 0 && <Alert color="red" role="alert">{rest.join(" ")}</Alert>}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>Cancel</Button>
            <Button type="submit" color={props.color} loading={props.isSaving}>{props.action ?? "Save"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
