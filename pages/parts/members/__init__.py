"""Parts of the pages about members, invitations and ownership."""
