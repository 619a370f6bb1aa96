"""The proof that a record is unaltered: tree, heads, exports, and checking them. Pure: no database, no bus, no network."""
