// Documents, typed by what codegen makes of their text. Each comes with the page that asks it:
// codegen's own function would look it up in a map of all.

import { gql } from "@urql/core";

import type { graphql as typed } from "../generated";

export const graphql: typeof typed = gql as never;
