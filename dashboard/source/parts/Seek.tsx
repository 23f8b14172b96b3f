import { Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";

import { useHasEnded } from "../session";

interface Props extends Omit<SelectProps, "data" | "filter" | "searchable" | "onSearchChange" | "searchValue"> {
  found: { id: string; text: string }[];
  onSeek: (text: string) => void;
}

/** Its list is in the part of the page that is for all of it, as menus are. */
const IN_PAGE = { portalProps: { target: "main" } };

/** One of many, found by the server from a part of its name. */
export function Seek({ found, onSeek, ...props }: Props) {
  const [text, setText] = useState("");
  const hasEnded = useHasEnded();
  const [sought] = useDebouncedValue(text, 250);
  const options = found.map(({ id, text }) => ({ value: id, label: text }));
  const isChosen = options.some(({ label }) => label === sought);

  useEffect(() => {
    if (!isChosen) onSeek(sought);
  }, [isChosen, sought, onSeek]);

  /** Who looks elsewhere without having chosen is done looking; but not whoever has to sign in again first. */
  const change = (next: string) => hasEnded || setText(next);

  return (
    <Select searchable placeholder="Part of a name" nothingFoundMessage="Nothing fits." filter={({ options }) => options}
      data={options} searchValue={text} onSearchChange={change} comboboxProps={IN_PAGE} {...props} />
  );
}
