"""Pupils, incidents, actions, corrections, chronology, the ledger."""
