"""The tables of files, and every query."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables

metadata = sa.MetaData()
delivery_tables(metadata)


def _school() -> sa.Column[UUID]:
    return sa.Column("school_id", pg.UUID, primary_key=True)


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


schools = sa.Table(
    "schools",
    metadata,
    _school(),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("day_ends_minute", sa.Integer, nullable=False),
    sa.Column("kinds", pg.ARRAY(sa.Text)),  # null: the first setting
)
school_keys = sa.Table(
    "school_keys",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("wrapped", sa.Text, nullable=False),
    sa.Column("wrapped_by", sa.Text, nullable=False),  # which of the ring's keys
    _time("made_at"),
    sa.Index("school_keys_made", "school_id", "made_at"),
)
drafts = sa.Table(
    "drafts",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("author_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("incident_id", pg.UUID),
    sa.Column("fields", pg.JSONB),
    _time("saved_at"),
    _time("ended_at", nullable=True),
    sa.Column("reminded", sa.Text),
    _time("remind_at", nullable=True),
    sa.Index("drafts_author", "school_id", "author_id", "saved_at"),
    sa.Index("drafts_remind", "remind_at", postgresql_where=sa.text("ended_at is null")),
    sa.Index("drafts_saved", "saved_at"),
)
body_maps = sa.Table(
    "body_maps",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("author_id", pg.UUID, nullable=False),
    sa.Column("draft_id", pg.UUID),
    sa.Column("data", pg.JSONB),  # null once its incident holds it
    sa.Column("earlier", pg.JSONB, nullable=False),  # what it was before each of the last changes, the newest last
    _time("saved_at"),
    _time("ended_at", nullable=True),
    sa.Index("body_maps_draft", "school_id", "draft_id"),
    sa.Index("body_maps_saved", "saved_at"),
)
papers = sa.Table(
    "papers",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("added_by", pg.UUID, nullable=False),
    _time("added_at"),
    _time("remind_at", nullable=True),  # null once it is scanned, or taken off
    sa.Index("papers_remind", "remind_at", postgresql_where=sa.text("remind_at is not null")),
)
files = sa.Table(
    "files",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("author_id", pg.UUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("arrived", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("media_type", sa.Text),
    _time("begun_at"),
    _time("finished_at", nullable=True),
    sa.Column("entry_id", pg.UUID),
    _time("sealed_at", nullable=True),
    sa.Column("format", sa.SmallInteger, nullable=False, server_default="0"),  # 0: in clear, as before there were keys; 1: sealed pieces
    sa.Column("school_key_id", pg.UUID),
    sa.Column("wrapped_key", sa.LargeBinary),  # null with format 1: destroyed
    sa.Column("scan", sa.Text, nullable=False, server_default="not_scanned"),
    sa.Column("facts", pg.JSONB, nullable=False, server_default="{}"),  # what a picture says of itself: when, where, with what
    sa.Column("previews", sa.Integer, nullable=False, server_default="0"),
    _time("looked_at", nullable=True),  # previews made, or found not to be had
    _time("locked_at", nullable=True),  # in a store that can hold a blob against deletion
    _time("blocked_at", nullable=True),
    _time("destroyed_at", nullable=True),
    sa.Index("files_begun", "begun_at"),
    sa.Index("files_scan", "finished_at", postgresql_where=sa.text("scan = 'waiting'")),
    sa.Index("files_look", "finished_at", postgresql_where=sa.text("looked_at is null and finished_at is not null")),
    sa.Index("files_lock", "sealed_at", postgresql_where=sa.text("locked_at is null and sealed_at is not null")),
    sa.Index("files_key", "school_id", "school_key_id"),
)


def keep_school(tx: sa.Connection, *, school_id: UUID, zone: str, day_ends_minute: int) -> None:
    """Keep identity's latest word on a school's day."""
    values = {"zone": zone, "day_ends_minute": day_ends_minute}
    insert = pg.insert(schools).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_=values))


def school_with(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return what is known of the school's day."""
    return tx.execute(sa.select(schools).where(schools.c.school_id == school_id)).first()


# --- drafts --------------------------------------------------------------------------------------------------------------


def draft_with(tx: sa.Connection, *, school_id: UUID, draft_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return a draft, whoever's; the caller compares the author."""
    query = sa.select(drafts).where(drafts.c.school_id == school_id, drafts.c.id == draft_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def keep_draft(tx: sa.Connection, *, school_id: UUID, id: UUID, fields: dict[str, list[str]], **values: Any) -> bool:
    """Write a draft, unless one with this id has ended or is another author's. Returns whether it was written."""
    insert = pg.insert(drafts).values(school_id=school_id, id=id, fields=fields, **values)
    changed = {name: insert.excluded[name] for name in ("fields", "saved_at", "remind_at", "reminded")}
    upsert = insert.on_conflict_do_update(
        index_elements=["school_id", "id"], set_=changed, where=sa.and_(drafts.c.ended_at.is_(None), drafts.c.author_id == values["author_id"])
    )
    return tx.execute(upsert.returning(sa.literal(1))).first() is not None


def drafts_of(tx: sa.Connection, *, school_id: UUID, author_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return a person's own drafts, newest first."""
    query = sa.select(drafts).where(drafts.c.school_id == school_id, drafts.c.author_id == author_id, drafts.c.ended_at.is_(None))
    return tx.execute(query.order_by(drafts.c.saved_at.desc())).all()


def left_drafts(tx: sa.Connection, *, school_id: UUID, before: datetime) -> Sequence[sa.Row[Any, Any]]:
    """Return whose drafts were left since before then."""
    query = sa.select(drafts.c.author_id, drafts.c.saved_at).where(
        drafts.c.school_id == school_id, drafts.c.ended_at.is_(None), drafts.c.saved_at < before
    )
    return tx.execute(query.order_by(drafts.c.saved_at)).all()


_END_DRAFT = sa.text(
    "insert into drafts (school_id, id, author_id, kind, saved_at, ended_at) values (:school, :id, :author, 'incident', :now, :now) "
    "on conflict (school_id, id) do update set fields = null, ended_at = :now, remind_at = null where drafts.author_id = :author"
)


def end_draft(tx: sa.Connection, *, school_id: UUID, draft_id: UUID, author_id: UUID, now: datetime) -> None:
    """End a draft and forget its words; a mark stays, so that a late save does not bring it back."""
    tx.execute(_END_DRAFT, {"school": school_id, "id": draft_id, "author": author_id, "now": now})


_BECAME = sa.text(
    f"with draft as ({_END_DRAFT.text}), "  # noqa: S608 - a text of ours
    "map as (update body_maps set data = null, earlier = '[]', ended_at = :now where school_id = :school and author_id = :author "
    "and (draft_id = :id or id = cast(:body_map as uuid))) "
    "update papers set remind_at = null, line = '' where school_id = :school and id = :id"
)


def end_what_became(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, author_id: UUID, body_map_id: UUID | None, now: datetime) -> None:
    """Forget what an entry was made of, which holds it now: its draft, what was drawn for it, and the line that a form of paper waits.

    One statement: it is carried out for everything that is recorded.
    """
    tx.execute(_BECAME, {"school": school_id, "id": entry_id, "author": author_id, "body_map": body_map_id, "now": now})


def drafts_due(tx: sa.Connection, *, now: datetime, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) the drafts of all schools whose reminder is due."""
    query = sa.select(drafts.c.school_id, drafts.c.id).where(drafts.c.ended_at.is_(None), drafts.c.remind_at <= now)
    return tx.execute(query.order_by(drafts.c.remind_at).limit(limit)).all()


def set_reminder(tx: sa.Connection, *, school_id: UUID, draft_id: UUID, reminded: str | None, remind_at: datetime | None) -> None:
    """Keep which reminder was given and when the next is due."""
    here = drafts.c.school_id == school_id, drafts.c.id == draft_id
    tx.execute(drafts.update().where(*here).values(reminded=reminded, remind_at=remind_at))


def sweep_drafts(tx: sa.Connection, *, before: datetime) -> int:
    """Delete (worker role) drafts saved before then; the mark of an ended one stays as long from its end."""
    over = drafts.c.saved_at < before, sa.func.coalesce(drafts.c.ended_at, drafts.c.saved_at) < before
    return len(tx.execute(drafts.delete().where(*over).returning(drafts.c.id)).all())


# --- body maps -----------------------------------------------------------------------------------------------------------


def body_map_with(tx: sa.Connection, *, school_id: UUID, body_map_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return a body map, whoever's; the caller compares the author."""
    query = sa.select(body_maps).where(body_maps.c.school_id == school_id, body_maps.c.id == body_map_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def keep_body_map(tx: sa.Connection, *, school_id: UUID, body_map_id: UUID, **values: Any) -> None:
    """Write a body map; the caller has locked it and knows whose it is."""
    insert = pg.insert(body_maps).values(school_id=school_id, id=body_map_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=values))


def end_body_map(tx: sa.Connection, *, school_id: UUID, draft_id: UUID, author_id: UUID, now: datetime) -> None:
    """Forget what is drawn for a draft; a mark stays, so that a late change does not bring it back."""
    mine = body_maps.c.school_id == school_id, body_maps.c.author_id == author_id, body_maps.c.draft_id == draft_id
    tx.execute(body_maps.update().where(*mine).values(data=None, earlier=[], ended_at=now))


def sweep_body_maps(tx: sa.Connection, *, before: datetime) -> int:
    """Delete (worker role) body maps last changed before then; the mark of an ended one stays as long from its end."""
    over = body_maps.c.saved_at < before, sa.func.coalesce(body_maps.c.ended_at, body_maps.c.saved_at) < before
    return len(tx.execute(body_maps.delete().where(*over).returning(body_maps.c.id)).all())


# --- keys ----------------------------------------------------------------------------------------------------------------


def newest_key(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return the key under which a school's files are sealed now."""
    return tx.execute(sa.select(school_keys).where(school_keys.c.school_id == school_id).order_by(school_keys.c.made_at.desc()).limit(1)).first()


def key_with(tx: sa.Connection, *, school_id: UUID, key_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return one of a school's keys."""
    query = sa.select(school_keys).where(school_keys.c.school_id == school_id, school_keys.c.id == key_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def add_key(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep a new key of a school."""
    tx.execute(school_keys.insert().values(school_id=school_id, **values))


def wrap_key_again(tx: sa.Connection, *, school_id: UUID, key_id: UUID, wrapped: str, wrapped_by: str) -> None:
    """Keep a school's key as the ring's new key wraps it."""
    here = school_keys.c.school_id == school_id, school_keys.c.id == key_id
    tx.execute(school_keys.update().where(*here).values(wrapped=wrapped, wrapped_by=wrapped_by))


def keys_to_turn(tx: sa.Connection, *, wrapped_by: str, before: datetime) -> Sequence[sa.Row[Any, Any, Any, Any]]:
    """Return (worker role) the keys of all schools that an older key of the ring wraps, or that were made before then."""
    query = sa.select(school_keys.c.school_id, school_keys.c.id, school_keys.c.wrapped_by, school_keys.c.made_at)
    return tx.execute(query.where(sa.or_(school_keys.c.wrapped_by != wrapped_by, school_keys.c.made_at < before))).all()


def files_under(tx: sa.Connection, *, school_id: UUID, key_id: UUID, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return files whose key a school's key wraps, locked: each with its wrapped key."""
    query = sa.select(files.c.id, files.c.wrapped_key).where(files.c.school_id == school_id, files.c.school_key_id == key_id)
    return tx.execute(query.order_by(files.c.id).limit(limit).with_for_update()).all()


def keep_wrapped(tx: sa.Connection, *, school_id: UUID, file_id: UUID, key_id: UUID, wrapped: bytes) -> None:
    """Keep a file's key, sealed files' too, as another key of its school wraps it."""
    here = files.c.school_id == school_id, files.c.id == file_id
    tx.execute(files.update().where(*here).values(school_key_id=key_id, wrapped_key=wrapped))


def delete_key(tx: sa.Connection, *, school_id: UUID, key_id: UUID) -> None:
    """Forget a school's key under which nothing is wrapped any more."""
    tx.execute(school_keys.delete().where(school_keys.c.school_id == school_id, school_keys.c.id == key_id))


def keep_kinds(tx: sa.Connection, *, school_id: UUID, kinds: Sequence[str]) -> None:
    """Keep which sorts of file a school takes."""
    values = {"zone": "Europe/London", "day_ends_minute": 15 * 60 + 30, "kinds": list(kinds)}  # of the day, until identity says
    insert = pg.insert(schools).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_={"kinds": list(kinds)}))


# --- paper forms ---------------------------------------------------------------------------------------------------------


def add_paper(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Put a form on the list; the same id again changes nothing."""
    tx.execute(pg.insert(papers).values(school_id=school_id, **values).on_conflict_do_nothing())


def papers_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the forms that wait, the longest waiting first."""
    waiting = papers.c.school_id == school_id, papers.c.remind_at.is_not(None)
    return tx.execute(sa.select(papers).where(*waiting).order_by(papers.c.added_at).limit(200)).all()


def remind_of_paper(tx: sa.Connection, *, school_id: UUID, paper_id: UUID, at: datetime | None, due_before: datetime | None = None) -> bool:
    """Set when the next reminder of a form is due; None for never, and its line is forgotten.

    With `due_before` only where one is due: whether it was.
    """
    here = papers.c.school_id == school_id, papers.c.id == paper_id
    due = (papers.c.remind_at <= due_before,) if due_before else ()
    values: dict[str, Any] = {"remind_at": at} if at else {"remind_at": None, "line": ""}
    return tx.execute(papers.update().where(*here, *due).values(**values).returning(papers.c.id)).first() is not None


def papers_due(tx: sa.Connection, *, now: datetime, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) the forms of all schools whose reminder is due."""
    return tx.execute(sa.select(papers.c.school_id, papers.c.id).where(papers.c.remind_at <= now).order_by(papers.c.remind_at).limit(limit)).all()


# --- files ---------------------------------------------------------------------------------------------------------------


def begin(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Start a file; the same id again changes nothing."""
    tx.execute(pg.insert(files).values(school_id=school_id, arrived=0, format=1, **values).on_conflict_do_nothing())


def file_with(tx: sa.Connection, *, school_id: UUID, file_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return a file's row."""
    query = sa.select(files).where(files.c.school_id == school_id, files.c.id == file_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def files_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID]) -> Sequence[sa.Row[Any]]:
    """Return the rows of finished files."""
    query = sa.select(files).where(files.c.school_id == school_id, files.c.id.in_(ids), files.c.finished_at.is_not(None))
    return tx.execute(query).all()


def change_file(tx: sa.Connection, *, school_id: UUID, file_id: UUID, **values: Any) -> None:
    """Set columns of a file that is not sealed."""
    here = files.c.school_id == school_id, files.c.id == file_id, files.c.sealed_at.is_(None)
    tx.execute(files.update().where(*here).values(**values))


def note_file(tx: sa.Connection, *, school_id: UUID, file_id: UUID, **values: Any) -> None:
    """Set what is known of a file, sealed or not: never its content, name, size or hash."""
    assert values.keys().isdisjoint({"id", "author_id", "name", "size", "sha256", "media_type", "entry_id", "sealed_at"})
    tx.execute(files.update().where(files.c.school_id == school_id, files.c.id == file_id).values(**values))


def files_to_look_at(tx: sa.Connection, *, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) finished files of all schools that wait for a scan or for their previews, oldest first, those that failed last."""
    waits = sa.and_(files.c.finished_at.is_not(None), files.c.destroyed_at.is_(None), sa.or_(files.c.looked_at.is_(None), files.c.scan == "waiting"))
    return tx.execute(
        sa.select(files.c.school_id, files.c.id).where(waits).order_by(files.c.looked_at.nulls_first(), files.c.finished_at).limit(limit)
    ).all()


def files_to_lock(tx: sa.Connection, *, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) sealed files of all schools that are not yet held against deletion."""
    waits = files.c.sealed_at.is_not(None), files.c.locked_at.is_(None), files.c.destroyed_at.is_(None), files.c.format == 1
    return tx.execute(sa.select(files.c.school_id, files.c.id).where(*waits).limit(limit)).all()


def unused_files(tx: sa.Connection, *, before: datetime, limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) files begun before then that no entry refers to, and whose author has no draft that might."""
    theirs = drafts.c.school_id == files.c.school_id, drafts.c.author_id == files.c.author_id, drafts.c.ended_at.is_(None)
    draft = sa.select(sa.literal(1)).where(*theirs).correlate(files).exists()
    query = sa.select(files.c.school_id, files.c.id).where(files.c.sealed_at.is_(None), files.c.begun_at < before, sa.not_(draft))
    return tx.execute(query.limit(limit)).all()


def delete_file(tx: sa.Connection, *, school_id: UUID, file_id: UUID) -> int | None:
    """Forget (worker role) a file no entry refers to. Returns its size, or None when an entry came to refer to it."""
    here = files.c.school_id == school_id, files.c.id == file_id, files.c.sealed_at.is_(None)
    return tx.execute(files.delete().where(*here).returning(files.c.size)).scalar()


def forget_name(tx: sa.Connection, *, school_id: UUID, file_id: UUID) -> None:
    """Forget what a destroyed file was called: its name may say what it showed."""
    here = files.c.school_id == school_id, files.c.id == file_id, files.c.destroyed_at.is_not(None)
    tx.execute(files.update().where(*here).values(name="-"))


def destroyed_files(tx: sa.Connection, *, since: datetime) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) the files of all schools whose key was destroyed lately."""
    return tx.execute(sa.select(files.c.school_id, files.c.id).where(files.c.destroyed_at >= since)).all()


def files_with_keys(tx: sa.Connection, *, after: tuple[UUID, UUID], limit: int) -> Sequence[sa.Row[Any, Any]]:
    """Return (worker role) all schools' recorded files that are not destroyed, by school and id, from behind `after` (a school, a file) on."""
    behind = sa.tuple_(files.c.school_id, files.c.id) > sa.tuple_(sa.literal(after[0]), sa.literal(after[1]))
    query = sa.select(files.c.school_id, files.c.id).where(files.c.sealed_at.is_not(None), files.c.destroyed_at.is_(None), behind)
    return tx.execute(query.order_by(files.c.school_id, files.c.id).limit(limit)).all()
