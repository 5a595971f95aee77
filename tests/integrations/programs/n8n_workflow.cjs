// What the nodes use of n8n-workflow, where n8n's own package is not installed. The extended test uses that one.

class NodeError extends Error {
  constructor(node, cause, { message, description, httpCode, itemIndex } = {}) {
    super(message ?? cause.message ?? String(cause));
    Object.assign(this, { node, description, httpCode: httpCode ?? null, context: { itemIndex } });
  }
}

class NodeApiError extends NodeError {
  constructor(node, cause, options) {
    if (cause instanceof NodeApiError) return cause;
    super(node, cause, options);
    this.name = "NodeApiError";
  }
}

class NodeOperationError extends NodeError {}

module.exports = { NodeApiError, NodeConnectionTypes: { Main: "main" }, NodeOperationError };
