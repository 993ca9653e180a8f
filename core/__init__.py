"""What Orgdesk knows and does, without a word about screens.

| floor | modules |
|---|---|
| 4 | `web/` plain HTTP endpoints · `manage` the command line · `worker` in the background |
| 3 | one module per noun: accounts, organizations, profile, members, invitations, onboarding … |
| 2 | `history` what happened · `mail` the outbox · `sessions` · `memberships` · `throttles` |
| 1 | `permissions` who may |
| 0 | errors, settings, clock, keys, models, db; pure: fields, passwords, logos, search … |

A module imports only from floors below its own.
"""
