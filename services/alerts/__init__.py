"""Who is told, inbox, acknowledgement, outgoing mail."""
