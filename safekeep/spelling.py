"""Which words are British English: Hunspell's dictionary, by Enchant. Read once a process, on this machine; nothing is sent anywhere or learnt."""

from functools import cache, lru_cache
from typing import Any


@cache
def _words() -> Any:
    """Return the dictionary, or None where the machine has none: concerns are recorded all the same, and nothing is said of spelling."""
    try:
        import enchant  # fails where its library is not installed

        return enchant.Dict("en_GB")
    except Exception:  # enchant's own error for a missing dictionary can only be named once it could be imported
        return None


@lru_cache(maxsize=20_000)
def is_spelt(word: str) -> bool:
    """Whether the dictionary has the word, as it is written. Raises ValueError for no word at all."""
    words = _words()
    return words is None or bool(words.check(word))
