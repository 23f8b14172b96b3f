import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { type ReactNode, useEffect, useState } from "react";

import { focusHeading } from "../focus";
import { type Payload, placed } from "../save";
import { willBeMailed } from "../words";

interface Would extends Payload {
  notifications?: { recipient: string }[];
}

/** What an answer says of the form, as long as that is what it was. */
interface Said {
  about: string;
  wrong: string;
  mailed: string;
}

interface Saving<Done> {
  title: string;
  onClose: () => void;
  isSaving: boolean;
  onSaved: (done: Done) => void;
  action?: string;
  color?: string;
  children: ReactNode;
}

interface Props<Values extends Record<string, unknown>, Done extends Payload> extends Saving<Done> {
  form: UseFormReturnType<Values>;
  /** The names of the fields, as in the input of the mutation. */
  fields: string[];
  /** Undefined: nothing was sent. */
  onSave: (values: Values) => Promise<Done | undefined>;
  /** What would happen, told without being asked for; undefined until it is known. */
  would?: Would | null;
  /** The same, told when it is asked for: whom it would mail, and what is wrong. */
  onPreview?: (values: Values) => Promise<Would>;
  isDisabled?: boolean;
}

/** What had the focus before; a menu has closed meanwhile, and then it is what opened that. */
function opener(): Element | null {
  const menu = document.activeElement?.closest("[role=menu]");
  return menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : document.activeElement;
}

/** Gives the focus back, for the dialog comes and goes as a whole. */
function useFocusBack() {
  const [before] = useState(opener);
  useEffect(() => () => {
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    else focusHeading();
  }, [before]);
}

/** A form in a dialog. Refusals stand at their fields, by path; the dialog stays until it is saved or closed. */
export function SaveModal<Values extends Record<string, unknown>, Done extends Payload>(props: Props<Values, Done>) {
  const { form, onPreview, would } = props;
  useFocusBack();
  const [said, setSaid] = useState<Said>();
  const [isLooking, setLooking] = useState(false);
  const last = said?.about === JSON.stringify(form.values) ? said : undefined;
  const { wrong, mailed } = last ?? (would ? told(would) : {});

  function told({ errors, notifications: mails }: Would) {
    const { byField, rest } = placed(errors, props.fields);
    return { byField, wrong: rest.join(" "), mailed: errors.length === 0 && mails ? willBeMailed(mails) : "" };
  }

  /** Goes to the first field that is refused. */
  function tell(answer: Would) {
    const { byField, ...others } = told(answer);
    const [first] = Object.keys(byField);
    form.setErrors(byField);
    setSaid({ about: JSON.stringify(form.getValues()), ...others });
    if (first) form.getInputNode(first)?.focus();
  }

  useEffect(() => {
    if (would) form.setErrors(told(would).byField);
  }, [would]);

  async function save(values: Values) {
    const done = await props.onSave(values);
    if (!done) return;
    if (done.errors.length > 0) {
      tell(done);
      return;
    }
    props.onSaved(done);
    props.onClose();
  }

  async function look(values: Values, onPreview: (values: Values) => Promise<Would>) {
    const about = JSON.stringify(values);
    setLooking(true);
    const would = await onPreview(values);
    setLooking(false);
    if (about === JSON.stringify(form.getValues())) tell(would);
  }

  return (
    <Modal opened onClose={props.onClose} title={props.title} closeOnClickOutside={false}>
      <form noValidate onSubmit={form.onSubmit((values) => void save(values))}>
        <Stack>
          {props.children}
          {wrong && <Alert color="red" role="alert">{wrong}</Alert>}
          {mailed && <Alert role="status">{mailed}</Alert>}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onClose}>Cancel</Button>
            {onPreview && <Button variant="default" loading={isLooking} onClick={() => void look(form.getValues(), onPreview)}>Preview</Button>}
            <Button type="submit" color={props.color} loading={props.isSaving} disabled={props.isDisabled}>{props.action ?? "Save"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface Asking<Done extends Payload> extends Saving<Done> {
  /** What would happen; nothing can be done before it is known, nor when it would be refused. */
  would?: Would | null;
  onSave: () => Promise<Done | undefined>;
  isDisabled?: boolean;
}

/** Asks before something is done that takes no more than a yes. Without `would`, there is nothing to be told before. */
export function Confirm<Done extends Payload>({ isDisabled, ...props }: Asking<Done>) {
  const form = useForm({ initialValues: {} });
  const isUnknown = props.would === undefined || (props.would?.errors.length ?? 0) > 0;
  return <SaveModal {...props} form={form} fields={[]} isDisabled={isUnknown || isDisabled} />;
}
