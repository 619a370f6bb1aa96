"""Counts built from events, and the chronology as a document."""
