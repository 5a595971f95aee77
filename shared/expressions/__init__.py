"""A bounded part of the Common Expression Language (CEL), for expressions that a workspace's admins write."""
