"""A second implementation of checking an export, written from docs/export.md and docs/ledger.md alone. Shares no code with the first.

`python second_verifier.py export.zip [witness.json …]` prints what is wrong, one finding a line; nothing when all is well.
"""

import base64
import hashlib
import json
import sys
import zipfile
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    """RFC 8785 for what this format holds: keys in ASCII, whole numbers."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def signed(public, signature, data):
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(signature), data)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def largest_power_below(n):
    return 1 << ((n - 1).bit_length() - 1)


def tree_root(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha(b"")
    k = largest_power_below(len(leaves))
    return sha(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:]))


def root_by_path(index, size, leaf, path):
    """The root that an inclusion proof leads to, from the recursive definition in RFC 9162, 2.1.3.1."""
    if size == 1 or not path:
        return leaf if size == 1 and not path else None
    k = largest_power_below(size)
    below = root_by_path(index, k, leaf, path[:-1]) if index < k else root_by_path(index - k, size - k, leaf, path[:-1])
    return below and sha(b"\x01" + (below + path[-1] if index < k else path[-1] + below))


def roots_by_path(old, size, path, old_root, whole=True):
    """The two roots that a consistency proof leads to, from the recursive definition in RFC 9162, 2.1.4.1."""
    if old == size:
        here = path if not whole else [] if path else [old_root]
        return (here[0], here[0]) if len(here) == 1 else None
    if not path:
        return None
    k = largest_power_below(size)
    if old <= k:
        found = roots_by_path(old, k, path[:-1], old_root, whole)
        return found and (found[0], sha(b"\x01" + found[1] + path[-1]))
    found = roots_by_path(old - k, size - k, path[:-1], old_root, False)
    return found and (sha(b"\x01" + path[-1] + found[0]), sha(b"\x01" + path[-1] + found[1]))


def check(path, witnesses=()):
    """Return the set of findings, each a text that begins with the entry's number where it is about one."""
    wrong = set()
    with zipfile.ZipFile(path) as zipped:
        part = {name: zipped.read(name) for name in zipped.namelist()}
    raw = part["manifest.json"]
    manifest, seal, keys = json.loads(raw), json.loads(part["manifest.signature.json"]), json.loads(part["keys.json"])
    if not signed(keys.get(seal["key"], ""), seal["signature"], raw):
        wrong.add("manifest: signature")
    named = {*part, *manifest["parts"]} - {"manifest.json", "manifest.signature.json"}
    wrong |= {f"{name}: not what was signed" for name in named if name not in part or manifest["parts"].get(name) != sha(part[name]).hex()}
    whole, own, heads = manifest["scope"]["kind"] == "school", manifest["head"], json.loads(part["heads.json"])
    for each in heads:
        head = each["head"]
        good = keys.get(each["key"]) == each["public"] and signed(each["public"], each["signature"], canonical(head))
        proof = [bytes.fromhex(step) for step in each["proof"]]
        roots = roots_by_path(head["size"], own["size"], proof, bytes.fromhex(head["root"])) if 0 < head["size"] <= own["size"] else None
        if not good or head["school"] != own["school"] or roots != (bytes.fromhex(head["root"]), bytes.fromhex(own["root"])):
            wrong.add(f"head over {head['size']}: not of this history")
    listed = part["index.txt"].decode().splitlines() if manifest["parts"].get("index.txt") == sha(part["index.txt"]).hex() else []
    index = {int(n): (kind, digest) for n, kind, digest in map(str.split, listed)}
    stays = "author_name author_role number class categories occurred_at occurred_precision recipients corrects hides_earlier".split()
    stays += "assigned_to was_another called kept pupil status action of owner due".split()  # of what was destroyed
    before, threads, leaves, latest, files, seen, due, gone, words = None, {}, [], "", {}, {}, set(), set(), set()
    for line in part["entries.jsonl"].splitlines():
        shown = json.loads(line)
        data = shown["entry"].encode()
        entry, digest, leaf = json.loads(data), sha(data).hex(), sha(b"\x00" + data)
        n = entry["seq"]
        if (index and index.get(n, ("", ""))[1] != digest) or n in seen:
            wrong.add(f"{n} changed or added")
        if before and n <= before[0]:
            wrong.add(f"{n} out of order")
        if whole and before and n == before[0] + 1 and entry["previous"] != before[1]:
            wrong.add(f"{before[0]} not what entry {n} was written after")
        if not whole and root_by_path(n - 1, own["size"], leaf, [bytes.fromhex(p) for p in shown["proof"]]) != bytes.fromhex(own["root"]):
            wrong.add(f"{n} not in the tree")
        since = max([h["head"]["at"] for h in heads if h["head"]["size"] < n], default="")
        for earlier in filter(None, (latest, since)):
            if (datetime.fromisoformat(earlier) - datetime.fromisoformat(entry["at"])).total_seconds() > 300:
                wrong.add(f"{n} backdated")
        for name, (salt, value) in shown["fields"].items():
            if sha(canonical({"field": name, "salt": salt, "value": value})).hex() != entry["fields"].get(name):
                wrong.add(f"{n} says something else: {name}")
            words |= set() if name.removeprefix("fact:") in stays else {n}
            if (entry["kind"], name) == ("destroyed", "sequences"):
                good = type(value) is list and all(type(m) is int and 0 < m < n for m in value)
                gone, wrong = gone | {*(value if good else ())}, wrong | (set() if good else {f"{n} names no entries before it"})
        files |= {f"files/{value['id']}": value["sha256"] for name, (_, value) in shown["fields"].items() if name.startswith("file:")}
        if not shown["withheld"] and shown["fields"].keys() != entry["fields"].keys():
            wrong.add(f"{n} not all of it is there")
        for opening in shown["pupils"]:
            count, last = threads.get(opening["pupil"], (0, "0" * 64))
            if sha(canonical(opening)).hex() not in entry["pupils"] or (opening["count"], opening["previous"]) != (count + 1, last):
                wrong.add(f"{n} not the next of its pupil")
            threads[opening["pupil"]] = (opening["count"], digest)
        leaves.append(leaf)
        seen[n] = [entry["kind"], entry["entry"], entry["incident"], entry["author"], entry["at"]]
        seen[n] += [when for _, at in [shown["fields"].get("occurred_at", (0, 0))] if at != 0 for when in (at, at or entry["at"])]
        due |= {n} if "shown.jsonl" in part and entry["kind"] in ("incident", "action", "correction", "status") else set()
        before, latest = (n, digest), max(latest, entry["at"])
    for row in map(json.loads, part.get("shown.jsonl", b"").splitlines()):
        told = [row[k] for k in ("kind", "entry", "incident", "author", "recorded", "happened", "placed") if k in row]
        wrong |= {f"{row['number']} shown otherwise"} if told != seen.get(row["number"]) or row["number"] not in due else set()
        due.discard(row["number"])
    missing = {*index, *(range(1, max({own["size"], *seen}) + 1) if whole else ())} - {*seen}
    wrong |= {f"{n} not shown in the record" for n in due} | {f"{n} missing" for n in missing} | {f"{n} not destroyed" for n in gone & words}
    wrong |= {f"{name}: not the file recorded" for name, digest in files.items() if name in part and sha(part[name]).hex() != digest}
    wrong |= {"a thread ends otherwise" for p, end in manifest["threads"].items() if threads.get(p) != (end["count"], end["last"])}
    if whole and tree_root(leaves).hex() != own["root"]:
        wrong.add("the tree has another root")
    for each in witnesses:
        same = [h["head"]["root"] for h in heads if h["head"]["size"] == each["head"]["size"]]
        if each["public"] not in keys.values() or each["head"]["root"] not in same:
            wrong.add("a witness's head contradicts it")
    return wrong


if __name__ == "__main__":
    print("\n".join(sorted(check(sys.argv[1], [json.load(open(name)) for name in sys.argv[2:]]))))
