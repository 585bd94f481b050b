//! The step that says which tools the models of the configuration's tenants may call.

/// None, before.
pub(super) const MCP: &[&str] = &["ALTER TABLE tenants ADD COLUMN mcp TEXT"];
