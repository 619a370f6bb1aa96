"""Password managers and pasting work: what each field for a password asks a browser to fill in, and that no script of ours takes a paste away."""

import re
from pathlib import Path

GATEWAY = Path(__file__).resolve().parents[3] / "gateway"
OURS_TO_FILL = {
    ("base.html", "secret"): "current-password",  # the lock screen
    ("providers/form.html", "secret"): "off",  # a provider's, not the person's own
    ("session/password.html", "old"): "current-password",
    ("session/password.html", "password"): "new-password",
    ("session/sign_in.html", "password"): "current-password",
    ("session/unlock.html", "secret"): "current-password",
}
_MACRO = re.compile(r"f\.input\(form, '(?P<name>\w+)'[^}]*?type='password'[^}]*?autocomplete='(?P<fill>[^']*)'")
_TAG = re.compile(r'<input[^>]*name="(?P<name>\w+)"[^>]*type="password"[^>]*autocomplete="(?P<fill>[^"]*)"')


def test_each_field_for_a_password_says_to_a_password_manager_which_it_is() -> None:
    found, fields = dict[tuple[str, str], str](), 0
    for path in (GATEWAY / "templates").rglob("*.html"):
        text, name = path.read_text(), str(path.relative_to(GATEWAY / "templates"))
        fields += len(re.findall(r"""type=["']password["']""", text))
        found |= {(name, m["name"]): m["fill"] for pattern in (_MACRO, _TAG) for m in pattern.finditer(text)}
    assert found == OURS_TO_FILL
    assert fields == len(found), "one that says nothing, or says it in another way"


def test_the_sign_in_page_says_which_field_is_the_user_name() -> None:
    assert "autocomplete='username'" in (GATEWAY / "templates" / "session" / "sign_in.html").read_text()


def test_no_script_and_no_page_of_ours_listens_for_pasting() -> None:
    ours = [path for path in (GATEWAY / "static").rglob("*.js") if ".min." not in path.name]
    assert ours
    assert {path.name for path in ours if "'paste'" in path.read_text() or '"paste"' in path.read_text() or "onpaste" in path.read_text()} == set()
    assert not [path for path in (GATEWAY / "templates").rglob("*.html") if "onpaste" in path.read_text()]
