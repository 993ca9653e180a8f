"""The people of an organization: members, invitations, ownership."""
