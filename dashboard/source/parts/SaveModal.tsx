import { Alert, Box, Button, Fieldset, Group, Modal, Stack, Text } from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { focusDialogOf, useFocusBack } from "../focus";
import { DONE_ONCE, tellDoneOnce, tellRefused } from "../notes";
import { isUnanswered, type Payload, placed, useIsHere } from "../save";
import { useHasEnded, useSession } from "../session";
import { apart, willBeMailed } from "../words";

interface Would extends Payload {
  notifications?: { recipient: string }[];
}

/** What an answer says of the form, as long as that is what it was. */
interface Said {
  about: string;
  /** Which field is refused first, if any. */
  field?: string;
  wrong: string;
  mailed: string;
}

interface Saving<Done> {
  title: string;
  onClose: () => void;
  isSaving: boolean;
  /** Tells it, wherever one is by then. */
  onSaved: (done: Done) => void;
  /** What would happen; undefined while it is being asked, and nothing is saved before. Null: there is nothing to be asked. */
  would: Would | null | undefined;
  action?: string;
  color?: string;
  /** Who or what is at a place of the input, such as `userIds.3`, that is no field. */
  names?: Record<string, string>;
  children: ReactNode;
}

interface Props<Values extends Record<string, unknown>, Done extends Payload> extends Saving<Done> {
  form: UseFormReturnType<Values>;
  /** The names of the fields, as in the input of the mutation. */
  fields: string[];
  /** Undefined: nothing was sent. */
  onSave: (values: Values) => Promise<Done | undefined>;
  /** Where one goes then, if one has gone nowhere else. */
  whereTo?: (done: Done) => string;
  isDisabled?: boolean;
}

/** Letters. */
const MUCH = 200;

/** However much is said, as of many who are mailed, the form stays in sight. */
const Lengthy = ({ children }: { children: string }) =>
  <Box mah="20dvh" style={{ overflowY: "auto" }} tabIndex={children.length > MUCH ? 0 : undefined}>{children}</Box>;

/** While it is being saved nothing else has the focus, for all of it is disabled; then it goes to what is said of it. */
function useFocusWithin(isSaving: boolean, said: Said | undefined, nodeOf: (field: string) => HTMLElement | null) {
  const form = useRef<HTMLFormElement>(null);
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isSaving) focusDialogOf(form.current);
    else if (said) ((said.field && nodeOf(said.field)) || note.current)?.focus();
  }, [isSaving, said]);
  return { form, note };
}

/**
 * A form in a dialog. Refusals stand at their fields, by path; the dialog stays until it is saved or closed, and while it is
 * being saved, when nothing is typed that would be lost with it. Whoever leaves its page before the end is told the end in a note.
 */
export function SaveModal<Values extends Record<string, unknown>, Done extends Payload>(props: Props<Values, Done>) {
  const { form, would, isSaving, title } = props;
  useFocusBack();
  const session = useSession();
  const hasEnded = useHasEnded();
  const navigate = useNavigate();
  const isHere = useIsHere();
  const [said, setSaid] = useState<Said>();
  const last = said?.about === JSON.stringify(form.values) ? said : undefined;
  const { wrong, mailed } = last ?? (would ? told(would) : {});
  const isUnknown = would === undefined || (would !== null && isUnanswered(would));
  const within = useFocusWithin(isSaving, said, (field) => form.getInputNode(field));

  function told({ errors, notifications: mails }: Would) {
    const { byField, rest } = placed(errors, props.fields, props.names);
    return { byField, wrong: rest.join(" "), mailed: errors.length === 0 && mails ? willBeMailed(mails) : "" };
  }

  function tell(answer: Would) {
    const { byField, ...others } = told(answer);
    form.setErrors(byField);
    setSaid({ about: JSON.stringify(form.getValues()), field: Object.keys(byField)[0], ...others });
  }

  /** Of what would be refused, only where something was typed; nothing in the place of what was refused, which may be told before a later effect. */
  useLayoutEffect(() => {
    if (would && !last) form.setErrors(Object.fromEntries(Object.entries(told(would).byField).filter(([field]) => form.isDirty(field))));
  }, [would]);

  async function save(values: Values) {
    const done = await props.onSave(values);
    if (!done) return;
    if (done.errors.length > 0) {
      if (isHere()) tell(done);
      else tellRefused(`${title}${session?.isManaging ? ` (${apart(session.company)})` : ""}`, done, props.names);
      return;
    }
    props.onSaved(done);
    if (done.isAgain) tellDoneOnce();
    if (!isHere()) return;
    props.onClose();
    if (props.whereTo) void navigate(props.whereTo(done));
  }

  /** Escape is heard here, too, when it is meant for what asks to sign in again. */
  function close() {
    if (!isSaving && !hasEnded) props.onClose();
  }

  return (
    <Modal opened onClose={close} title={<Text component="span" inherit lineClamp={3} title={title}>{title}</Text>} closeOnClickOutside={false} closeButtonProps={{ "aria-label": "Close", disabled: isSaving }}
      styles={{ content: { scrollPaddingTop: 100, scrollPaddingBottom: 180 } }}>
      <form ref={within.form} noValidate onSubmit={form.onSubmit((values) => void save(values))}>
        <Stack>
          {/* On a phone it lies on the banner that says so. */}
          {session?.isManaging && <Alert role="note" color="orange"><Text inherit lineClamp={2} title={session.company}>For <strong>{apart(session.company)}</strong></Text></Alert>}
          <Fieldset role="none" variant="unstyled" miw={0} disabled={isSaving}><Stack>{props.children}</Stack></Fieldset>
          {/* At hand, however long the form is. */}
          <Stack pos="sticky" bottom={0} py="md" mb="calc(-1 * var(--mantine-spacing-md))" bg="var(--mantine-color-body)" style={{ zIndex: 1 }}>
            {wrong && <Alert ref={within.note} tabIndex={-1} color="red" role="alert"><Lengthy>{wrong}</Lengthy></Alert>}
            {mailed && <Alert role="status"><Lengthy>{mailed}</Lengthy></Alert>}
            {would?.isAgain && <Alert role="note" color="gray">{DONE_ONCE}</Alert>}
            {would === undefined && <Alert role="note" color="gray">What will happen is being asked…</Alert>}
            {would !== undefined && isUnknown && <Alert role="note" color="gray">Nothing is saved before it is known. It is asked again by itself.</Alert>}
            <Group justify="flex-end">
              <Button variant="default" disabled={isSaving} onClick={close}>Cancel</Button>
              <Button type="submit" color={props.color} loading={isSaving} disabled={isUnknown || props.isDisabled}>{props.action ?? "Save"}</Button>
            </Group>
          </Stack>
        </Stack>
      </form>
    </Modal>
  );
}

interface Asking<Done extends Payload> extends Saving<Done> {
  onSave: () => Promise<Done | undefined>;
  isDisabled?: boolean;
}

/** Asks before something is done that takes no more than a yes: nothing is done that would be refused. */
export function Confirm<Done extends Payload>({ isDisabled, ...props }: Asking<Done>) {
  const form = useForm({ initialValues: {} });
  const isRefused = (props.would?.errors.length ?? 0) > 0;
  return <SaveModal {...props} form={form} fields={[]} isDisabled={isRefused || isDisabled} />;
}
