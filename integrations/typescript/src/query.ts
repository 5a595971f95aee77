import type { operations } from "./schema.js";

type QueryOf<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;

/** The parameters of an operation's query. The client walks the pages of a list, whose records are never CSV here. */
export type Query<Name extends keyof operations> = Omit<
  QueryOf<Name>,
  "page" | "cursor" | (Name extends "export_leads" ? never : "format")
>;
