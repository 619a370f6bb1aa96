"""Which words are British English: Hunspell's dictionary, by Enchant. Read once a process, on this machine; nothing is sent anywhere or learnt."""

from functools import cache, lru_cache
from typing import Any

import enchant


@cache
def _words() -> Any:
    return enchant.Dict("en_GB")


@lru_cache(maxsize=20_000)
def is_spelt(word: str) -> bool:
    """Whether the dictionary has the word, as it is written. Raises ValueError for no word at all."""
    return bool(_words().check(word))
