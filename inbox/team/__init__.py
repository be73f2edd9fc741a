"""Accounts, members, sessions, roles, teams and what each may see."""
