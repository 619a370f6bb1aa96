"""The five services. Each has the same rooms: service.py, rules named for what they are about, store.py, migrations."""
