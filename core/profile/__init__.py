"""The profile of an organization: its fields, logo, alert address and directory card."""
