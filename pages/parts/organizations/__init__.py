"""Parts about organizations: the table, its filters, downloads, bulk flagging."""
