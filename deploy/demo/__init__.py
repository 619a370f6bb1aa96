"""The demonstration: one trust, two schools, three years of made-up records. No real person."""
