"""How Safekeep is run: on one machine (local/), and on servers (compose.yml)."""
