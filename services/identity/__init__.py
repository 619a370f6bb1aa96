"""Trusts, schools, staff, roles, sign-in, sessions."""
