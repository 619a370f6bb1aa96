"""What the five services and the gateway share: contracts, errors, permissions, the bus, the database."""
