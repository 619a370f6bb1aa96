"""Drafts and attachments: evidence before and after it is sealed."""
