"""The tree of RFC 9162: the vectors published with Certificate Transparency, and every shape up to 70 leaves."""

import hashlib

import pytest

from safekeep.proof.merkle import EMPTY, Growing, Tree, includes, is_consistent, leaf_hash, node_hash

# Published with Certificate Transparency's own code and used by its other implementations: the inputs, and the root after each.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
LEAVES = [leaf_hash(bytes.fromhex(each)) for each in INPUTS]


def hexes(proof: list[bytes]) -> list[str]:
    return [each.hex() for each in proof]


def test_roots_are_those_published() -> None:
    growing = Growing()
    assert growing.root() == EMPTY == Tree([]).root() == hashlib.sha256().digest()
    for size, root in enumerate(ROOTS, start=1):
        growing.add(LEAVES[size - 1])
        assert growing.root().hex() == root
        assert Tree(LEAVES).root(size).hex() == root


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, ROOTS[3]]), (2, 3, [ROOTS[1]]), (1, 5, [ROOTS[0], B, D])],
)
def test_inclusion_proofs_are_those_published(index: int, size: int, proof: list[str]) -> None:
    assert hexes(Tree(LEAVES).inclusion(index, size)) == proof


@pytest.mark.parametrize(("first", "second", "proof"), [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[3]]), (2, 5, [B, D])])
def test_consistency_proofs_are_those_published(first: int, second: int, proof: list[str]) -> None:
    assert hexes(Tree(LEAVES).consistency(first, second)) == proof


def test_the_examples_of_section_2_1_5() -> None:
    """The tree of seven leaves drawn in the RFC: its proofs by the names its nodes have there."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, tree = node_hash(g, h), Tree(LEAVES[:7])
    assert tree.root() == node_hash(k, node_hash(i, j))
    assert tree.inclusion(0) == [b, h, node_hash(i, j)]
    assert tree.inclusion(3) == [c, g, node_hash(i, j)]
    assert tree.inclusion(4) == [f, j, k]
    assert tree.inclusion(6) == [i, k]
    assert tree.consistency(3) == [c, d, g, node_hash(i, j)]
    assert tree.consistency(4) == [node_hash(i, j)]
    assert tree.consistency(6) == [i, j, k]


MANY = [leaf_hash(bytes([n])) for n in range(70)]


def test_every_leaf_is_shown_to_be_in_every_tree_and_nothing_else_is() -> None:
    tree = Tree(MANY)
    for size in range(1, len(MANY) + 1):
        root = tree.root(size)
        for index in range(size):
            proof = tree.inclusion(index, size)
            assert includes(leaf=MANY[index], index=index, size=size, proof=proof, root=root)
            assert not includes(leaf=leaf_hash(b"another"), index=index, size=size, proof=proof, root=root)
            assert not includes(leaf=MANY[index], index=(index + 1) % size, size=size, proof=proof, root=root) or size == 1
            assert not includes(leaf=MANY[index], index=index, size=size, proof=[*proof, EMPTY], root=root)
            assert not proof or not includes(leaf=MANY[index], index=index, size=size, proof=proof[:-1], root=root)
    assert not includes(leaf=MANY[0], index=-1, size=1, proof=[], root=MANY[0])


def test_every_tree_is_shown_to_begin_every_later_one_and_no_other() -> None:
    tree = Tree(MANY)
    other = Tree([leaf_hash(b"another"), *MANY[1:]])
    for second in range(1, len(MANY) + 1):
        for first in range(1, second + 1):
            proof = tree.consistency(first, second)
            roots = {"first": first, "second": second, "second_root": tree.root(second)}
            assert is_consistent(**roots, first_root=tree.root(first), proof=proof)
            assert not is_consistent(**roots, first_root=other.root(first), proof=proof)
            assert not is_consistent(**roots, first_root=other.root(first), proof=other.consistency(first, second))
            assert not is_consistent(**roots, first_root=tree.root(first), proof=[*proof, EMPTY])
            assert not proof or not is_consistent(**roots, first_root=tree.root(first), proof=proof[:-1])
    assert is_consistent(first=0, first_root=EMPTY, second=5, second_root=tree.root(5), proof=[])
    assert not is_consistent(first=6, first_root=tree.root(6), second=5, second_root=tree.root(5), proof=[])


def test_a_proof_of_what_is_not_there_cannot_be_asked_for() -> None:
    tree = Tree(LEAVES)
    for index, size in ((8, None), (-1, None), (5, 5), (0, 9)):
        with pytest.raises(IndexError):
            tree.inclusion(index, size)
    for first, second in ((0, 8), (9, None), (5, 4), (3, 9)):
        with pytest.raises(IndexError):
            tree.consistency(first, second)
