"""The one table from what a service refused to a status, and to a sentence that says what to do now.

Sentences are catalogue entries (Babel), whole ones, never built from pieces. A test finds errors and codes without one.
"""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _

from safekeep import errors
from safekeep.errors import SafekeepError


@dataclass(frozen=True, slots=True)
class Problem:
    """What to answer: the status, a short type (the end of the RFC 9457 `type`), a heading and a sentence."""

    status: int
    type: str
    title: str
    detail: str


NOT_FOUND = Problem(
    404,
    "not-found",
    _("Page not found"),
    _("There is nothing here that you can open. If somebody sent you the address, ask a DSL at your school."),
)
"""Always the same, whether it does not exist or may not be known of."""

FAILED = Problem(
    500,
    "failed",
    _("Sorry, this page does not work"),
    _("The fault is ours and has been noted. Go back: what you typed may still be there. If a child is at risk, tell a DSL in person now."),
)

BAD_FORM = Problem(
    400,
    "form-out-of-date",
    _("This page was open too long"),
    _("We could not be sure that the form came from you, so nothing was done. It may be from before you last signed in: then open the page anew."),
)

STEP_UP = Problem(
    403, "second-factor-again", _("Show your second factor again"), _("Use the code from your app, or your key, again. Nothing was done yet.")
)

TOO_LARGE = Problem(
    413,
    "too-large",
    _("That is too large"),
    _("One file may be 250 MB at most, anything else, a list or a calendar too, 5 MB. Nothing was kept from this try. Go back and make it smaller."),
)
WRONG_CODE = Problem(
    401,
    "second-factor-failed",
    _("That code did not work"),
    _("That code did not work. Each code works once, for about a minute. Wait for the next one, and check that your phone's clock is right."),
)
WRONG_SECRET = Problem(
    401, "unlock-failed", _("That did not unlock it"), _("That is not your password, and not the code your app shows now. Try again.")
)
AGAIN = Problem(
    403,
    "second-factor-again",
    _("Is it still you?"),
    _("It is more than 15 minutes since you used your second factor. Nothing was done yet, and what you typed is still here."),
)
"""Beside a link that asks for the second factor in another tab, so that the form stays as it is."""
ANSWERED = Problem(
    409,
    "answered",
    _("It has been answered already"),
    _("Somebody has answered this request meanwhile. What you wrote was not sent, and is still here."),
)
METHOD = Problem(405, "method-not-allowed", _("That cannot be done here"), _("Go back and try again from the page before."))
BAD_REQUEST = Problem(400, "bad-request", _("We could not read that"), _("What was sent is not complete. Go back and try again."))
UNSUPPORTED = Problem(
    415, "unsupported-media-type", _("We could not read that"), _("Send it as application/json, and a file as multipart/form-data.")
)
RANGE = Problem(
    416, "range-not-satisfiable", _("The file is not that long"), _("It ends before what was asked for begins. Ask for less of it, or for all of it.")
)

STORAGE = Problem(
    503,
    "storage",
    _("We cannot reach the records just now"),
    _("Try again in a minute. If you were recording something, sending the same page again is safe: it is never recorded twice."),
)

_BY_REASON: dict[type[SafekeepError], dict[str, Problem]] = {
    errors.NotAllowed: {
        "second_person": Problem(
            403,
            "second-person",
            _("Somebody else has to do this"),
            _("You blocked this file. Another DSL or deputy has to decide about it. Nothing was changed."),
        ),
        "own_proposal": Problem(
            403, "own-proposal", _("Somebody else has to confirm it"), _("You proposed it. Another DSL or deputy has to read it and confirm.")
        ),
        "role": Problem(403, "not-allowed", _("You cannot do this"), _("Your role does not include this. A DSL at your school can help.")),
        "step_up": STEP_UP,
        "scope": Problem(
            403, "not-allowed", _("This program cannot do that"), _("Its credentials do not include it. A DSL or your IT team can make others.")
        ),
        "enrol_first": Problem(
            403,
            "second-factor-missing",
            _("Set up a second factor first"),
            _("Your role needs a second factor. Sign in with a browser to set one up."),
        ),
        "password_expired": Problem(
            403, "password-expired", _("Choose a new password first"), _("Your password is due for a change. Sign in with a browser to change it.")
        ),
        "pass_needed": Problem(
            403, "pass-needed", _("See a DSL in person"), _("You had a second factor. To set up another you need a pass from a DSL, in person.")
        ),
        "real_school_exists": Problem(403, "not-allowed", _("You cannot do this"), _("Demo sign-ins cannot be used once a real school exists.")),
        "cannot_lead": Problem(
            403, "not-allowed", _("You cannot lead this"), _("It is about you, or your own child is in it. Another DSL can lead it.")
        ),
        "cannot_be_told": Problem(
            403, "not-allowed", _("This person cannot be sent it"), _("This person cannot be sent this record. Another DSL can help.")
        ),
        "elsewhere": Problem(
            403,
            "not-allowed",
            _("This account is looked after elsewhere too"),
            _(
                "This person also works at a school outside your trust, so their keys and password are theirs alone. They can use My account, or Forgotten password."
            ),
        ),
        "last_dsl": Problem(
            403, "last-dsl", _("A school needs a DSL"), _("This person is the only DSL. Nothing was changed. Give somebody else the role first.")
        ),
        "last_it": Problem(
            403,
            "last-it",
            _("A trust needs somebody for its accounts"),
            _("This person is the only one of the trust's IT. Nothing was changed. Give somebody else the role first."),
        ),
        "own_role": Problem(
            403, "own-role", _("Somebody else has to do this"), _("Nobody can change their own roles. Nothing was changed. Ask another DSL.")
        ),
    },
    errors.NotSignedIn: {
        "missing": Problem(401, "not-signed-in", _("Sign in"), _("Sign in to see this page.")),
        "expired": Problem(401, "session-ended", _("You were signed out"), _("You were away for a while. Sign in to go on.")),
        "invalid": Problem(401, "not-signed-in", _("Sign in"), _("Sign in to see this page.")),
        "locked": Problem(401, "locked", _("This is locked"), _("Nobody was here for a while. Unlock it to go on.")),
        "unfinished": Problem(401, "sign-in-unfinished", _("Sign in"), _("Finish signing in first.")),
        "ended": Problem(401, "session-ended", _("You were signed out"), _("This session has ended. Sign in to go on.")),
        "no_school": Problem(401, "school-needed", _("Choose a school"), _("You belong to more than one school. Choose the one you want.")),
        "not_a_person": Problem(401, "not-signed-in", _("Sign in"), _("Sign in to see this page.")),
    },
    errors.Conflict: {
        "address_taken": Problem(
            409, "conflict", _("This address is in use"), _("Another account has this e-mail address by now. Decline it, and ask who wanted it.")
        ),
        "assigned": Problem(
            409, "assigned", _("It is known who this is about"), _("Somebody has said already whom this incident is about. Open it again to see.")
        ),
        "follow_up_done": Problem(
            409, "follow-up-done", _("It is done already"), _("Somebody has closed this already. Nothing was recorded. Open the incident to see.")
        ),
        "restricted": Problem(409, "restricted", _("It is restricted already"), _("Two people alone read this already. Open it again to see.")),
        "file_held": Problem(409, "file-held", _("This file is being checked"), _("It is being scanned for viruses. Try again in a minute.")),
        "file_infected": Problem(
            409, "file-infected", _("A virus was found in this file"), _("Nobody can open it. Tell your IT team, and whoever sent the file.")
        ),
        "file_blocked": Problem(
            409, "file-blocked", _("This file is blocked"), _("A DSL blocked it: nobody can open it. Ask a DSL if you need to know more.")
        ),
        "file_destroyed": Problem(
            409, "file-destroyed", _("This file was destroyed"), _("Nobody can open it any more. That it was there stays in the record.")
        ),
        "destroyed": Problem(
            409,
            "destroyed",
            _("What it said was destroyed"),
            _("Nobody can read it any more. That it was there stays in the record. Nothing was changed."),
        ),
        "destruction_proposed": Problem(
            409,
            "destruction-proposed",
            _("It is proposed already"),
            _("Somebody has proposed to destroy this. Open the incident to decide about that first."),
        ),
        "destruction_decided": Problem(
            409, "destruction-decided", _("It is decided already"), _("Somebody has decided about this before you. Open the incident to see what.")
        ),
        "changed_since": Problem(
            409,
            "changed-since",
            _("Something was added since"),
            _("What was proposed is not all of it any more. Nothing was destroyed. Keep it, read what was added, and propose it again."),
        ),
        "make_again": Problem(
            409,
            "make-again",
            _("This export must be made again"),
            _("Since it was made, a file in it was blocked, or something in the record was destroyed. Make it again: that is left out then."),
        ),
        "file_damaged": Problem(
            409,
            "file-damaged",
            _("This file is damaged"),
            _("What is stored is not what was kept. Tell your IT team now, so that they can look for it in a backup."),
        ),
        "no_preview": Problem(409, "no-preview", _("It cannot be shown here"), _("Download the original to see it.")),
        "led": Problem(
            409,
            "led",
            _("Somebody else is leading this"),
            _("They said so before you did. Open the incident to see who. You can still take it over."),
        ),
        "not_opened": Problem(
            409,
            "not-opened",
            _("Open it first"),
            _("You have not opened this yet, so it is not marked as read. Open it, read it, then mark it as read."),
        ),
        "not_blocked": Problem(409, "not-blocked", _("It is not blocked"), _("A file is blocked first, by another DSL. Nothing was changed.")),
        "uploading": Problem(409, "uploading", _("This file is being sent already"), _("Wait until it has arrived, or choose it again.")),
        "other_content": Problem(
            409,
            "other-content",
            _("This was recorded already"),
            _("It is recorded as you first sent it. What you changed since was not recorded. Add it as an action."),
        ),
        "id_taken": Problem(
            409, "id-taken", _("This page cannot be used"), _("Nothing was recorded. Open Add incident again and send it from there.")
        ),
        "draft_ended": Problem(409, "draft-ended", _("This draft has ended"), _("It was recorded or thrown away, so it is not kept as a draft.")),
        "too_many": Problem(409, "too-many", _("There are enough"), _("Nothing was added. Take one off first.")),
        "not_ready": Problem(
            503, "not-ready", _("Your school is being set up"), _("Your school's settings have not arrived yet. Try again in a minute.")
        ),
        "not_empty": Problem(
            409, "not-empty", _("This is in use already"), _("The first administrator has been made already. Nothing was changed. Ask them.")
        ),
        "slug_taken": Problem(
            409, "slug-taken", _("This address is taken"), _("Another school or trust has this short name. Nothing was made. Choose another.")
        ),
        "report_published": Problem(
            409, "report-published", _("This report was published"), _("What was published never changes. What is new goes into the next report.")
        ),
        "pack_changed": Problem(
            409,
            "pack-changed",
            _("The record has changed"),
            _("Something was recorded since you looked at the preview. Read it once more, then make it."),
        ),
        "meeting_cancelled": Problem(409, "meeting-cancelled", _("This meeting was cancelled"), _("Move it to a new day first.")),
        "draft_changed": Problem(
            409, "draft-changed", _("The draft has changed"), _("Somebody has changed it since you opened it. Read it once more, then approve it.")
        ),
        "schools_changed": Problem(
            409,
            "schools-changed",
            _("The trust has other schools now"),
            _("A school has come to the trust, or left it, since this was counted. Press “Count again”, read it once more and approve it."),
        ),
        "still_counting": Problem(
            409,
            "still-counting",
            _("The schools are still being counted"),
            _("Load the page again in a minute, read what it says and approve it then."),
        ),
        "draft_outdated": Problem(
            409,
            "draft-outdated",
            _("Another report was published meanwhile"),
            _("So that no small number can be worked out from the two together, press “Count again”, read it once more and approve it."),
        ),
        "request_closed": Problem(
            409, "request-closed", _("This request is closed"), _("Somebody has answered it meanwhile. Open it again first, if there is more to do.")
        ),
        "no_more_time": Problem(
            409,
            "no-more-time",
            _("There is no more time to take"),
            _("Only somebody’s own record, or their child’s, may take longer, and they must be told so within the first month."),
        ),
        "identity_first": Problem(
            409,
            "identity-first",
            _("Be sure who asks first"),
            _("Even that nothing is held tells something. Say how you know who asks, then answer."),
        ),
        "no_pupil": Problem(
            409,
            "no-pupil",
            _("It asks for no pupil’s record"),
            _("There is no record to prepare. Answer it in your own words, or say that nothing is held."),
        ),
        "already_proposed": Problem(
            409,
            "already-proposed",
            _("It waits for another person, or was confirmed"),
            _("What you decided on this page was not saved. Take it back first, with what is to be thought of again."),
        ),
        "nothing_to_give": Problem(
            409,
            "nothing-to-give",
            _("There is nothing you can read of this record"),
            _("If nothing is held, say so. If the pupil is your own child, another DSL has to prepare it."),
        ),
        "not_proposed": Problem(409, "not-proposed", _("Nothing waits to be confirmed"), _("It was taken back meanwhile. Load the page again.")),
        "not_confirmed": Problem(
            409, "not-confirmed", _("Another person has not confirmed it yet"), _("Nothing is given before two people have read it.")
        ),
        "record_changed": Problem(
            409,
            "record-changed",
            _("The record is not what was proposed"),
            _(
                "Something was added, corrected or decided since, or one of you cannot read all of it. Take it back, look through it once more and propose it again."
            ),
        ),
        "no_letter": Problem(409, "no-letter", _("There is no letter"), _("It is made when you answer that nothing is held.")),
        "may_name_a_child": Problem(
            409,
            "may-name-a-child",
            _("Your words may name a child"),
            _(
                "Nothing was published. Take every child’s name out of your words. If none of what is listed is one, say so there and approve it again."
            ),
        ),
        "incident_not_counted": Problem(409, "not-counted", _("The counts are not up to date yet"), _("Try again in a minute.")),
        "school_not_known": Problem(409, "not-counted", _("The counts are not up to date yet"), _("Try again in a minute.")),
        "other_key_content": Problem(
            409, "idempotency-key-reused", _("This key was used before"), _("The Idempotency-Key was used for other content. Use a new key.")
        ),
    },
    errors.SignOnFailed: {
        "provider_down": Problem(
            503,
            "sign-on-unavailable",
            _("We could not reach your school's sign-in"),
            _("Your school's own sign-in does not answer just now. Sign in with your Safekeep password, or try again in a minute."),
        ),
        "refused": Problem(
            401,
            "sign-on-refused",
            _("You were not signed in"),
            _("Your school's own sign-in did not let you through. Try again, or use your password."),
        ),
        "not_genuine": Problem(
            401,
            "sign-on-failed",
            _("You were not signed in"),
            _(
                "We could not be sure that the answer came from your school for this browser. Begin again here. If it happens again, tell your IT team."
            ),
        ),
        "unverified": Problem(
            401,
            "sign-on-failed",
            _("You were not signed in"),
            _("Your school's own sign-in does not say that your e-mail address is really yours. Use your Safekeep password, and tell your IT team."),
        ),
        "unknown_account": Problem(
            401,
            "sign-on-failed",
            _("You were not signed in"),
            _("There is no Safekeep account for the address your school's own sign-in gave. A DSL or your IT team can make one."),
        ),
        "needs_factor": Problem(
            401,
            "sign-on-failed",
            _("Sign in with your password this time"),
            _("Your role needs an app or a key that is Safekeep's own. Sign in with your password once and set it up. After that this button works."),
        ),
        "linked_otherwise": Problem(
            401,
            "sign-on-failed",
            _("You were not signed in"),
            _(
                "This Safekeep account belongs to another account of your school's own sign-in. Your IT team can change that, once they are sure who you are."
            ),
        ),
    },
    errors.Unavailable: {
        "not_done": Problem(503, "unavailable", _("Part of Safekeep does not answer"), _("What you asked for was not done. Try again in a minute.")),
        "unknown": Problem(
            503,
            "unavailable",
            _("Part of Safekeep does not answer"),
            _("We do not know yet if it was done. Try again in a minute. Sending the same page again is safe: nothing is recorded twice."),
        ),
    },
}

_BY_CLASS: dict[type[SafekeepError], Problem] = {
    errors.NotFound: NOT_FOUND,
    errors.NotAllowed: _BY_REASON[errors.NotAllowed]["role"],
    errors.NotSignedIn: _BY_REASON[errors.NotSignedIn]["missing"],
    errors.SignInFailed: Problem(
        401, "sign-in-failed", _("We could not sign you in"), _("The e-mail address and password do not belong together. Check both.")
    ),
    errors.SignOnFailed: _BY_REASON[errors.SignOnFailed]["not_genuine"],
    errors.SecondFactorNeeded: Problem(401, "second-factor-needed", _("A code is needed"), _("Type the 6-digit code from your authenticator app.")),
    errors.TooManyAttempts: Problem(429, "too-many-attempts", _("Too many tries"), _("Wait a few minutes, then try again.")),
    errors.TooMuchRead: Problem(
        429,
        "too-much-read",
        _("You have opened very much"),
        _(
            "You have opened more of the record than usual in an hour, so it stays shut for up to an hour. The DSLs were sent an e-mail. You can still add an incident."
        ),
    ),
    errors.Invalid: Problem(422, "invalid", _("There is a problem"), _("Some of what was sent cannot be accepted. Nothing was recorded.")),
    errors.Conflict: Problem(
        409, "conflict", _("This does not fit what is kept already"), _("Nothing was changed. Load the page again to see how it is now.")
    ),
    errors.TooLate: _BY_REASON[errors.Unavailable]["not_done"],
    errors.StorageError: STORAGE,
    errors.Unavailable: _BY_REASON[errors.Unavailable]["unknown"],
}

FIELD: dict[str, str] = {
    "missing": _("Fill this in"),
    "too_long": _("This is too long. Shorten it"),
    "too_many": _("There are too many of these"),
    "not_text": _("This must be text"),
    "control_characters": _("There is a hidden character or line break in this that cannot be kept. Type it again"),
    "direction_override": _("There is a hidden character in this that changes the direction of the text. Type it again"),
    "surrogate": _("There is a broken character in this. Type it again"),
    "in_future": _("This is later than now. Check the date and time"),
    "too_long_ago": _("This is too long ago. Check the year"),
    "day_over": _("This day is over. Choose today or a later day"),
    "too_far_ahead": _("This is more than a year ahead. Check the year"),
    "before_start": _("The end is before the start. Check the dates"),
    "unknown_choice": _("Choose one of those offered"),
    "unknown_field": _("This is not a field we know"),
    "not_an_id": _("This is not an id"),
    "not_a_time": _("This is not a time. Write it like 12:47"),
    "not_a_date": _("This is not a date. Write the day, month and year"),
    "not_offered": _("This is not offered to you. Choose another"),
    "not_a_number": _("This is not a whole number"),
    "too_large": _("This number or file is too large"),
    "too_small": _("This number is too small"),
    "ask_a_dsl": _("Their role does not open this record. Ask a DSL to tell them, or take them off"),
    "cannot_be_told": _("This person cannot be sent this record. Take them off"),
    "leads_only": _("Only a DSL can choose this. Choose “Not sure”: the DSL will see it"),
    "at_least_once": _("Somebody has to be asked. Fill in at least one line"),
    "leads_first": _("DSLs and deputies have to be asked first"),
    "too_often": _("That is too often. Choose 0, or 5 minutes or more"),
    "not_json": _("Send a JSON object"),
    "twice": _("This pupil is in it already"),
    "another_dsl": _("This pupil is your own child. Ask another DSL to do this"),
    "cannot_keep_it": _("It is about them, or their own child is in it. Choose somebody else"),
    "writer_missing": _("Say who wrote it"),
    "paper_written_missing": _("Say on which day it was written"),
    "paper_handed_missing": _("Say on which day it was handed in"),
    "scan_missing": _("Add the scan of the form: it is the evidence"),
    "handed_in_before": _("It was handed in before it was written. Check both"),
    "no_body_map": _("The body map is not there any more. Draw it again, or leave it out"),
    "not_on_body": _("Place it on the body, or choose the place from the list"),
    "kind_missing": _("Choose what kind of mark it is"),
    "place_missing": _("Tap the place on the picture, or choose it from the list"),
    "too_many_marks": _("There are 40 marks, the most a body map holds. Put the others in words in the account"),
    "say_what": _("Say what kind of mark it is"),
    "not_whole": _("The file did not arrive whole. Choose it again"),
    "empty": _("This file is empty. Choose it again"),
    "program": _("This is a program, or holds one. Programs are not kept"),
    "script": _("This is a script, which a computer would run. Scripts are not kept. Copy its words into a document"),
    "page": _("This is a web page or a drawing that can run code. Print it to a PDF, or take a picture of the screen"),
    "macros": _("This document holds macros or programs of its own. Save it as a PDF, or without macros (.docx, .xlsx, .pptx)"),
    "active": _("This PDF runs code of its own, or starts a program. Print it to a new PDF, and choose that"),
    "attached": _(
        "Something is attached to this e-mail that is not kept: a program, a script, a web page, a document with macros, or something locked. "
        "Save the e-mail as a PDF, and what else is attached one by one"
    ),
    "mail_too_long": _("This e-mail is too long to be looked through. Save it as a PDF, and what is attached to it one by one"),
    "locked": _("This file is locked with a password, so nobody could look at it. Take the password off and choose it again"),
    "two_kinds": _("This file is two kinds of file in one, as only harmful files are. Save it anew, or take a picture of it"),
    "bomb": _("This file would grow beyond measure when it is unpacked. It is not kept"),
    "archive": _("This is an archive (such as a zip). Choose the files in it one by one"),
    "damaged": _("This file is damaged: it cannot be opened. Choose another copy of it"),
    "kind_not_taken": _("Your school does not keep this kind of file. A DSL can change that in the settings"),
    "kind_unknown": _("We do not know this kind of file. Save it as a PDF, or take a picture of it"),
    "invalid": _("This cannot be accepted. Try again"),
    "too_short": _("This is too short. See below what it needs"),
    "kinds_missing": _("Use at least one small letter, one capital, one digit and one other character"),
    "too_common": _("This is too easy to guess. Put three random words together"),
    "used_before": _("You have used this before. Choose another"),
    "wrong": _("This is not right"),
    "wrong_code": _("That code did not work. Type the one your app shows now"),
    "wrong_pass": _("That is not right, or it is too old. Check each letter, or ask for a new one"),
    "key": _("The key could not be added. Try again, or use another key"),
    "key_not_taken": _("The key could not be added. Try again, or use another key"),
    "taken": _("This is in use already"),
    "not_an_issuer": _("This is not an issuer. It begins with https:// and holds no spaces"),
    "not_a_directory": _("Type your directory's (tenant) ID: 32 letters and digits with dashes"),
    "no_provider_there": _("No sign-in provider answers there. Check the address, and that it can be reached from here"),
    "client_secret_needed": _("Type the client secret. One kept earlier is never sent to another issuer, or for another client ID"),
    "not_an_address": _("This is not an e-mail address"),
    "form": _("This cannot be accepted. Try again"),
    "not_theirs_now": _("It was given to somebody else meanwhile. Nothing was recorded. Your words are still here: you can add them as an action."),
    "choose_one": _("Choose one"),
    "line_twice": _("This address stands on an earlier line too"),
    "safeguarding_team_needed": _("From welfare up the Safeguarding team is always alerted. Choose it"),
    "list_missing": _("Choose a file, or paste the list"),
    "list_too_large": _("This list is too large. Send it in parts"),
    "list_too_long": _("There are too many lines. Send at most 500 at a time"),
    "pupils_too_long": _("There are too many lines. Send at most 3,000 at a time"),
    "not_a_list": _("This is not a list that can be read. Save it as CSV and choose it again"),
    "unknown_role": _("There is a role in it that we do not know"),
    "role_group": _("This group follows from roles. Change the roles of its people instead"),
    "reason_needed": _("Say why they need to know"),
    "against_answer": _("This does not go with your answer above. Change that answer, or empty this"),
    "keep_or_let_go": _("Say whether this person keeps it"),
    "not_in_text": _("These words do not stand in this text. Copy them from it"),
    "part_missing": _("Choose what part this pupil had"),
    "nobody_found": _("Nobody was found. Try another part of the name"),
    "two_letters": _("Type two letters or more"),
    "search_unavailable": _("We cannot search just now. Try again, or describe the pupil"),
    "drafts_unavailable": _("Drafts cannot be kept just now. Do not close this page before you have sent it"),
    "draft_too_long": _(
        "This is too long to be kept as a draft. Shorten it, and try again. Your text is still on this page, and nowhere else: do not close it."
    ),
    "kept_as_draft": _("Your text is kept as a draft, and is still on this page. If a child is at risk, tell a DSL in person now."),
    "kept_on_page": _("Your text is still on this page, and nowhere else: do not close it. If a child is at risk, tell a DSL in person now."),
}
"""The sentence beside a field, by code. Pages may say it more exactly for one field: see `BY_FIELD`."""

BY_FIELD: dict[tuple[str, str], str] = {
    ("pupil_id", "missing"): _("Choose the pupil, or choose “Not listed, or not sure who”"),
    ("pupil_id", "unknown_choice"): _("Choose a pupil of your school"),
    ("pupil_id", "not_an_id"): _("Choose a pupil of your school"),
    ("described_pupil", "missing"): _("Describe the pupil as well as you can"),
    ("kind", "missing"): _("Choose what kind of incident it was"),
    ("when", "missing"): _("Say when it happened, or choose “Not known”"),
    ("occurred_at", "missing"): _("Say when it happened, or choose “Not known”"),
    ("occurred_precision", "missing"): _("Say when it happened, or choose “Not known”"),
    ("narrative", "missing"): _("Write what happened, what you saw or what was said"),
    ("narrative", "too_long"): _("The account is longer than 20,000 characters. Put the rest in an action afterwards"),
    ("action_taken", "too_long"): _("This is longer than 20,000 characters. Put the rest in an action afterwards"),
    ("told_whom", "missing"): _("Say whom you told, or choose “Not yet”"),
    ("told_whom", "against_answer"): _("You wrote whom you told, and chose “Not yet”. Choose “Yes”, or empty this"),
    ("told_when", "against_answer"): _("You wrote when you told somebody, and chose “Not yet”. Choose “Yes”, or empty this"),
    ("text", "missing"): _("Write what was done"),
    ("owner_id", "missing"): _("Choose whom you ask"),
    ("owner_id", "unknown_choice"): _("Choose somebody who works at your school"),
    ("owner_id", "ask_a_dsl"): _("Their role does not open this record. Ask a DSL to ask them"),
    ("owner_id", "cannot_be_told"): _("This person cannot be sent this record. Ask somebody else"),
    ("due_on", "missing"): _("Say by which day"),
    ("spoken", "missing"): _("Say whether you have spoken to them"),
    ("to", "missing"): _("Say who it was"),
    ("parent_told", "missing"): _("Say whether they were told"),
    ("when_date", "missing"): _("Say which day it was"),
    ("kind", "which_days"): _("Say what these days are, or choose “Does not count”"),
    ("kind", "leads_only"): _("Only a DSL can decide this"),
    ("basis", "choose_one"): _("Choose why it is destroyed"),
    ("law", "missing"): _("Say by whose order, or under which policy or law"),
    ("decision", "choose_one"): _("Choose what becomes of it"),
    ("status", "choose_one"): _("Choose how it stands"),
    ("status", "another_dsl"): _("Your own child is in it. Ask another DSL to do this"),
    ("text", "too_long"): _("This is longer than 20,000 characters. Put the rest in another action"),
    ("category_codes", "missing"): _("Choose at least one category. “Not sure” is one"),
    ("name", "line_twice"): _("This pupil stands on an earlier line too"),
    ("name", "taken"): _("Another has this name already"),
    ("name", "missing"): _("Write the name"),
    ("email", "missing"): _("Write the e-mail address"),
    ("year", "missing"): _("Write the year group"),
    ("born", "missing"): _("Write the date of birth"),
    ("born", "in_future"): _("This date of birth is later than today"),
    ("left_on", "before_born"): _("This leaving date is before the date of birth"),
    ("born", "too_long_ago"): _("This date of birth is too long ago. Check the year"),
    ("roles", "choose_one"): _("Choose at least one role"),
    ("slug", "missing"): _("Write a short name"),
    ("slug", "string_pattern_mismatch"): _("Use small letters, digits and _ only, and begin with a letter"),
    ("phase", "missing"): _("Choose what kind of school it is"),
    ("phase", "unknown_choice"): _("Choose what kind of school it is"),
    ("duty", "choose_one"): _("Choose at least one person to find"),
    ("telephone", "missing"): _("Write the telephone number"),
    ("how", "missing"): _("Say how you will tell them"),
    ("class_code", "missing"): _("Choose a class"),
    ("username", "missing"): _("Type your e-mail address"),
    ("password", "missing"): _("Type your password"),
    ("code", "missing"): _("Type the code"),
    ("secret", "missing"): _("Type your password, or the code from your app"),
    ("old", "wrong"): _("This is not the password you have now"),
    ("reason", "missing"): _("Say why"),
    ("number", "no_such_incident"): _("The school has no incident with this number that you can open. Check it against the e-mail"),
    ("wrong", "missing"): _("Write what is wrong, and what it should say"),
    ("until", "over"): _("This day is over. Check the dates"),
    ("until", "too_long"): _("This is more than a year ahead. Check the year"),
    ("since", "missing"): _("Say the first day"),
    ("until", "missing"): _("Say the last day"),
    ("cover_id", "another_person"): _("Nobody stands in for themselves. Choose somebody else"),
    ("endpoint", "unknown_choice"): _("Those who run Safekeep here do not let it notify through this browser's maker"),
    ("endpoint", "too_many"): _("You have allowed it on ten browsers. Stop one of them first"),
    ("about_id", "missing"): _("Choose whom it is about"),
    ("about_id", "unknown_choice"): _("Choose somebody who works at your school"),
    ("about_id", "another_dsl"): _("This is about you. Another DSL must do this"),
    ("entered", "own_only"): _("A DSL or deputy enters this themselves. Ask them to"),
    ("relatives", "own_only"): _("A DSL or deputy enters this themselves. Ask them to, on the pupil’s page"),
    ("relatives", "unknown_address"): _("Nobody who works at your school signs in with this address. Write it as it stands in the list of staff"),
    ("relatives", "people_only"): _("A program enters nobody’s family. A DSL does"),
    ("keeper_id", "missing"): _("Choose the head, or the chair of governors"),
    ("keeper_id", "unknown_choice"): _("Choose somebody of the senior leadership team, or a governor"),
    ("dsl_id", "missing"): _("Choose one DSL"),
    ("dsl_id", "unknown_choice"): _("Choose a DSL, and not the same person twice"),
    ("should_say", "missing"): _("Write what it should say"),
    ("started", "missing"): _("Say when it started"),
    ("opens", "after_the_end"): _("The day begins after it ends. Check both times"),
    ("weekdays", "missing"): _("Choose at least one day"),
    ("last", "before_the_first"): _("The last day is before the first. Check both"),
    ("last", "too_long_a_time"): _("That is longer than any term. Check both days"),
    ("first", "missing"): _("Write the first day"),
    ("address", "not_an_address"): _("This is not the address of a calendar. It begins with https:// or webcal://"),
    ("on_day", "missing"): _("Say on which day"),
    ("on_day", "in_past"): _("This day is over. Choose one that comes"),
    ("starts_on", "missing"): _("Say from which day"),
    ("minute", "missing"): _("Say at which time"),
    ("class_codes", "missing"): _("Choose at least one class"),
    ("to_school", "missing"): _("Write the name of the next school"),
    ("checked", "missing"): _("Read it through, then say that you have"),
    ("by", "missing"): _("Write who confirmed it"),
    ("on_day", "in_future"): _("This day has not come yet"),
    ("on_day", "before_start"): _("The pack was made later than that"),
    ("remind_days", "not_before"): _("This must be nearer to the meeting than the day on which the draft is made"),
    ("chair_days", "not_before"): _("This must be nearer to the meeting than the reminder"),
    ("address", "too_long"): _("This address is too long. Check it"),
    ("request_kind", "choose_one"): _("Choose what it is"),
    ("asker", "missing"): _("Write who asks"),
    ("whose_id", "missing"): _("Find the pupil whose record is asked for, and choose them"),
    ("whose_id", "unknown_choice"): _("Choose a pupil of your school"),
    ("received_on", "missing"): _("Say on which day it came"),
    ("received_on", "in_future"): _("This day has not come yet. Say on which day the request came"),
    ("given_on", "missing"): _("Write the day the court has set"),
    ("given_on", "before_start"): _("This is before the day the request came. Check both"),
    ("identity_how", "unknown_choice"): _("Choose how you know"),
    ("identity_on", "missing"): _("Say since which day you know"),
    ("identity_on", "before_start"): _("This is before the day the request came. Check both"),
    ("more_reason", "missing"): _("Say why it takes longer"),
    ("close_reason", "missing"): _("Say why"),
    ("file", "missing"): _("Choose a file"),
    ("file", "not_a_calendar"): _("This is not an iCalendar file. Its name mostly ends with .ics"),
    ("file", "too_large"): _("This file is too large to be a school’s calendar"),
    ("file", "too_many"): _("There are too many events in this file"),
    ("part", "missing"): _("Choose what part this pupil had"),
}


def problem_of(error: Exception) -> Problem:
    """Return what to answer to an error. What is not one of safekeep.errors is our own fault: 500, and nothing of its text."""
    reasons = _BY_REASON.get(type(error), {})  # type: ignore[arg-type]
    for argument in error.args:
        if isinstance(argument, str) and argument in reasons:
            return reasons[argument]
    return _BY_CLASS.get(type(error), FAILED)  # type: ignore[arg-type]


def sentence(field: str, code: str) -> str:
    """Return the sentence for a code beside a field (a path, `alert.staff_ids` or `head-telephone`, counts by its last name)."""
    last = next((part for part in reversed(field.replace("-", ".").split(".")) if not part.isdigit()), field)
    return str(BY_FIELD.get((field, code)) or BY_FIELD.get((last, code)) or FIELD.get(code) or FIELD["invalid"])
