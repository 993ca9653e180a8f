"""The people of an organization: members, invitations and ownership."""
