"""The demonstration: one trust, two schools, three years of made-up records. No real person."""

REAL_SCHOOL = 3
"""Its exit code where the installation has a real school: it then makes nothing."""
