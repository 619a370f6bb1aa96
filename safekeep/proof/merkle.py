"""The Merkle tree of RFC 9162, section 2.1, with SHA-256: roots, inclusion and consistency proofs, and checking them.

Our own, since what there is was no fit: docs/decisions/0006-merkle-tree.md. Tried against the vectors of Certificate Transparency.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: of its bytes behind a 0."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: of its children's hashes behind a 1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree of which only the right edge is kept: leaves are added one after the other, and its root asked for at any size."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []  # the roots of its complete subtrees, the largest first: one for each 1 in the size's binary form

    def add(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        self._edge.append(leaf)
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right, left = self._edge.pop(), self._edge.pop()
            self._edge.append(node_hash(left, right))
            size //= 2

    def root(self) -> bytes:
        """Return the root of what was added so far."""
        if not self._edge:
            return EMPTY
        root = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            root = node_hash(left, root)
        return root


class Tree:
    """A whole tree, for making proofs: every complete subtree's root is kept, so that a proof takes no more hashing than its length."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """`leaves` are the leaves' hashes."""
        self.size = len(leaves)
        self._levels: list[Sequence[bytes]] = [leaves]
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves, of all if not said."""
        size = self.size if size is None else size
        return self._of(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the leaf at `index` (from 0) is in the tree of the first `size` leaves. Raises IndexError."""
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise IndexError(index)
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._of(middle, end))
                end = middle
            else:
                path.append(self._of(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Return the proof that the tree of the first `first` leaves is the beginning of that of the first `second`. Raises IndexError."""
        second = self.size if second is None else second
        if not 0 < first <= second <= self.size:
            raise IndexError(first)
        proof: list[bytes] = []
        start, end, whole = 0, second, True
        while end != first:
            middle = start + _split(end - start)
            if first <= middle:
                proof.append(self._of(middle, end))
                end = middle
            else:
                proof.append(self._of(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._of(start, end))
        return proof[::-1]

    def _of(self, start: int, end: int) -> bytes:
        """Return the root of the leaves from `start` to before `end`, where `start` is a place at which a subtree of that size begins."""
        count = end - start
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + _split(count)
        return node_hash(self._of(start, middle), self._of(middle, end))


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def includes(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that the leaf stands at `index` of the tree of that size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = node_hash(step, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(*, first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `first` leaves is the beginning of that of `second` (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY
    steps = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not steps:
        return False
    place, last = first - 1, second - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
