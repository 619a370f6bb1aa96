"""What mail about the ledger says: a head for a witness to keep, and that the self-check found something. Never a word of a record."""

from typing import Final

from safekeep.contracts.incidents import WitnessedHeadAnswer

WITNESS: Final = "witness_head"
ALTERED: Final = "record_altered"
ALTERED_IT: Final = "record_altered_it"


def for_witness(known: WitnessedHeadAnswer, *, school_name: str) -> tuple[str, str]:
    """Return the subject and text of a witness's mail: the head stands in it as JSON, which `safekeep verify --head` reads."""
    text = (
        f"{school_name} has asked that you keep this mail. You need do nothing else.\n\n"
        f"It is a seal over the school's safeguarding record as it was at {known.at}: {known.size} entries. It holds no word of them.\n"
        "Should anybody ever rewrite that record, this mail shows it: “safekeep verify FILE --head THIS-MAIL” compares an export with it.\n"
        f"The key that signed it: {known.fingerprint}. It is the same in every such mail unless the school tells you that it was exchanged.\n\n"
        f"{known.text}\n"
    )
    return f"To keep: a seal over the record of {school_name}", text


def altered(*, link: str) -> tuple[str, str]:
    """Return the subject and text that tell a DSL, or trust IT (`link` empty: they may not read the record)."""
    text = (
        "Safekeep checks every night that the record is what was recorded. It has found something that is not.\n"
        "It may be a fault of a machine, a restored backup, or somebody with access to the database. Nothing was put right by itself.\n"
    )
    if link:
        text += f"\nWhat was found is shown here. Talk to whoever runs Safekeep before you rely on what is marked:\n\n{link}\n"
    else:
        text += "\nThe school's DSLs are sent an e-mail too. Do not restore or repair anything before the database and its backups are copied away.\n"
    return "The safeguarding record is not as it was recorded", text
