"""What Orgdesk knows and does, without a word about screens.

First what people do, one noun each; after the dash what it stands on.

accounts       accounts, sign_ups, setup, resets, two_factor; staff: people, stand_ins, ownerless
               – persons, sessions, passwords, second_factors, links, throttles, browsers
organizations  organizations, org_tables, summaries, exports, downloads
               – org_views, org_walks, org_choices, org_addresses, finding, search, counts,
               presence, transfers, export_files, public_ids
the profile    profile, contacts, solutions
               – profile_texts, alert_addresses, completeness, logos, pictures, faces
its people     members, former_members, invitations, answers, ownership, roles
               – memberships, offers, invitees, reminders, handovers, withdrawals, notices
onboarding     onboarding, runs, board, charts, moves
               – gates, stages, flags, chunks, stuck, working_days, board_views, board_walks,
               move_counts
the desk       notes, saved_views, view_lists, activity, mail_desk – view_queries
who hears      alerts – news, onboarding_news, lines, digests, mail, outbox, letters, smtp
every rule     permissions, looks, history, changes, fields, errors
               – settings, clock, keys, visible, matching, frames
the tables     models, account_models, people_models, desk_models, news_models
               – kinds, columns, schema, upgrade, db
who runs it    manage, desk_commands, checkup – worker, housekeeping, metrics, web

A module imports only from floors below its own; `tests/test_house.py` has the floors.
"""
