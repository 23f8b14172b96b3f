import "./workers.js";
import "graphiql/style.css";
import "./explorer.css";

import { GraphiQL } from "graphiql";
import { getOperationAST } from "graphql";
import { createRoot } from "react-dom/client";

import { ask, watch } from "./api.js";
import { Bar } from "./bar.jsx";
import customer from "./journeys/customer.graphql";
import partner from "./journeys/partner.graphql";
import watching from "./journeys/watching.graphql";
import { current, follow, refresh } from "./session.js";

const TABS = [
  { query: customer, variables: blank({ order: "", emails: [""] }) },
  { query: partner, variables: blank({ company: "", order: "", emails: [""] }) },
  { query: watching, variables: blank({ company: "" }) },
];

// GraphiQL shows the variables of the first tab only when it is told them so.
const isNew = localStorage.getItem("graphiql:tabState") === null;

function blank(variables) {
  return JSON.stringify(variables, null, 2);
}

async function fetcher(params, { headers, documentAST } = {}) {
  const token = current()?.token;
  const operation = documentAST && getOperationAST(documentAST, params.operationName);
  if (operation?.operation === "subscription") return watch(params, token, headers);
  const answer = await ask(params, token, headers);
  if (operation?.operation === "mutation") await follow(operationText(operation), answer);
  return answer;
}

/** A document may hold others, which were not run. */
function operationText({ loc }) {
  return loc.source.body.slice(loc.start, loc.end);
}

function Explorer() {
  return (
    <>
      <Bar />
      <GraphiQL fetcher={fetcher} defaultTabs={TABS} initialVariables={isNew ? TABS[0].variables : undefined}
        defaultEditorToolsVisibility="variables" inputValueDeprecation schemaDescription>
        <GraphiQL.Logo>
          <span />
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

refresh().catch(console.warn);
createRoot(document.getElementById("explorer")).render(<Explorer />);
