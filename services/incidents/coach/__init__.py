"""The coach: looks at what somebody is writing, and says what they could look at again (rules.toml). Pure; what it reads is kept nowhere."""
