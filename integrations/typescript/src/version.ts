/** The version of the client, which is that of the LeadHub that it was made for. */
export const VERSION = "0.1.0";
