//! The step that says what is done about calls that look like attacks, and counts them.

/// Nobody looked at calls of before.
pub(super) const FIREWALL: &[&str] = &[
    "ALTER TABLE tenants ADD COLUMN firewall TEXT",
    "ALTER TABLE usage ADD COLUMN firewall_scanned INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_flagged INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_blocked INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_skipped INTEGER NOT NULL DEFAULT 0",
];

/// Nor at their replies, and nothing was taken out of them.
pub(super) const WATCHED: &[&str] = &[
    "ALTER TABLE usage ADD COLUMN firewall_output_scanned INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_output_flagged INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_output_blocked INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN firewall_redacted INTEGER NOT NULL DEFAULT 0",
];
