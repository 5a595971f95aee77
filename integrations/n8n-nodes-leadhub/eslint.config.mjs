import { config } from "@n8n/node-cli/eslint";

export default [
  ...config,
  {
    // What n8n asks of packages that it lists. This one is not published, and has the licence of the project.
    files: ["package.json"],
    rules: {
      "@n8n/community-nodes/require-mit-license": "off",
      "@n8n/community-nodes/require-homepage": "off",
      "@n8n/community-nodes/valid-author": "off",
      "n8n-nodes-base/community-package-json-author-missing": "off",
      "n8n-nodes-base/community-package-json-license-not-default": "off",
    },
  },
];
