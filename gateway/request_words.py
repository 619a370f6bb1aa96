"""What requests for information, their rules and the law's reasons are called. Every sentence is a catalogue entry (Babel).

Where each of the law's paragraphs was read, and which could not be: docs/law.md. A lawyer should read them.
"""

from flask_babel import lazy_gettext as _

KINDS = {
    "subject_access_parent": _("A parent asks for their child’s record"),
    "subject_access_pupil": _("A pupil asks for their own record"),
    "freedom_of_information": _("Freedom of information"),
    "court": _("A court asks"),
    "police": _("The police ask"),
}
STATES = {"open": _("Open"), "nothing_held": _("Answered: nothing held"), "answered": _("Answered"), "refused": _("Refused")}
RULES = {
    "one_month": _(
        "The law gives one month, in the holidays too. A last day at a weekend or on a bank holiday moves to the next working "
        "day. (UK GDPR, article 12A)"
    ),
    "three_months": _("You took two further months, since it is complex. The asker was told why. (UK GDPR, article 12A)"),
    "twenty_school_days": _("The law gives twenty school days. (Freedom of Information Act 2000, section 10, and its regulations for schools)"),
    "sixty_working_days": _(
        "The law gives twenty school days, and never more than sixty working days. Here the sixty end "
        "first. (Freedom of Information Act 2000, section 10, and its regulations for schools)"
    ),
    "as_given": _("This is the day they have set."),
    "identity_first": _("You had reason to make sure who asks. The time begins on the day you know."),
}
NO_DAY = _("They have set no day. Answer as soon as you can, and enter the request again if they set one.")
FROM_PROOF = _("The time began on the day you knew who asks.")
EXEMPTIONS = {
    "child_abuse_data": _(
        "Child abuse data. A parent has no right to be told whether their child is or may be at risk of abuse, where telling "
        "would not be in the child’s best interests. Think of what it would mean for the child, and ask the child’s social "
        "worker first. A child who asks themselves has this right. (Data Protection Act 2018, Schedule 3, paragraph 21)"
    ),
    "serious_harm": _(
        "What would be likely to cause serious harm to anybody’s physical or mental health, the child’s above all. Of what is about "
        "health, a health professional must say so: ask whoever treats them. (Data Protection Act 2018, Schedule 3, paragraph 19; of "
        "health data, paragraph 5)"
    ),
    "other_people": _(
        "What is about other people: other children, family, neighbours, whoever told. Staff are named as a rule. (Data "
        "Protection Act 2018, Schedule 2, paragraph 16)"
    ),
    "court_papers": _(
        "Papers of family proceedings that are held in private. Whoever is no party in them gets them only with the court’s permission. "
        "(Family Procedure Rules 2010, rule 12.73) What the school itself wrote, for a court too, is not left out for this."
    ),
    "legal_privilege": _("What a lawyer has advised. (Data Protection Act 2018, Schedule 2, paragraph 19)"),
    "foi_personal": _(
        "Anything about a living person who can be recognised, children above all: a record about a child is not given for freedom of "
        "information. Somebody who asks about themselves or their child is answered as such. (Freedom of Information Act 2000, section 40)"
    ),
    "foi_others": _(
        "What would, or would be likely to, hinder preventing or detecting a crime (section 31) or endanger somebody’s health or safety "
        "(section 38); what somebody gave you in confidence and could take you to court for telling (section 41); what a lawyer has advised, "
        "or what was made for a court case (section 42). Of sections 31, 38 and 42 you also weigh what the public gains. (Freedom of "
        "Information Act 2000)"
    ),
}
IDENTITY = {
    "known": _("We know them in person"),
    "photo_document": _("We saw a document with their photograph"),
    "other_document": _("We saw another document"),
    "called_back": _("We called back on a number we already had"),
    "authority": _("They showed a signed authority to ask for somebody else"),
}
STEPS = {
    "entered": _("Entered in the log"),
    "identity_checked": _("Made sure who asks"),
    "more_time": _("Two further months taken"),
    "nothing_held": _("Answered: nothing is held"),
    "answered": _("Answered"),
    "refused": _("Refused"),
    "reopened": _("Opened again"),
    "proposed": _("Proposed what is left out"),
    "confirmed": _("Confirmed what is left out"),
    "taken_back": _("Taken back, to think again"),
    "given_pdf": _("Record made as PDF"),
    "given_docx": _("Record made as Word"),
    "told_soon": _("DSLs were mailed that it is due soon"),
    "told_today": _("DSLs were mailed that it is due today"),
    "told_late": _("DSLs were mailed that it is overdue"),
}
FORMS = {
    "letter": _("Letter: nothing is held"),
    "pdf": _("Record as PDF"),
    "docx": _("Record as Word"),
    "files": _("Attached files, by the list of their hashes"),
}
STAGES = {
    "deciding": _("Decide what is left out"),
    "proposed": _("Waits for another DSL or deputy to read and confirm"),
    "confirmed": _("Read by two people and confirmed"),
}
PARTS = {
    "about": _("About it"),
    "account": _("Account"),
    "action_taken": _("Action taken"),
    "details": _("Details"),
    "body_map": _("Body map, in words"),
}
REASONS = {
    "third_party": _("About another person"),
    "child_abuse_data": _("Child abuse data, not in the child’s interests"),
    "serious_harm": _("Likely to cause serious harm"),
    "court_papers": _("Papers of family proceedings"),
    "legal_privilege": _("A lawyer’s advice"),
    "crime": _("Would hinder preventing or detecting a crime"),
    "foi_personal": _("Personal information (freedom of information)"),
    "foi_crime": _("Likely to hinder preventing or detecting a crime (freedom of information)"),
    "foi_harm": _("Likely to endanger somebody (freedom of information)"),
    "foi_confidence": _("Given in confidence (freedom of information)"),
    "foi_privilege": _("A lawyer’s advice (freedom of information)"),
}
FOUND_KINDS = {
    "name": _("Other pupils of the school"),
    "relation": _("Named as family, friend or carer"),
    "title": _("Named with a title"),
    "initials": _("Initials and single letters"),
    "contact": _("Telephone numbers and e-mail addresses"),
    "address": _("Addresses"),
    "birth": _("Dates of birth"),
    "number": _("Numbers that name somebody"),
    "guess": _("May be a name"),
    "by_hand": _("Added by hand"),
}
"""What all that was found in a record is listed under, in this order."""
FOUND_BY = {
    "name": _("name of another pupil"),
    "initials": _("initials of a linked pupil"),
    "relation": _("named as family or friend"),
    "title": _("named with a title"),
    "contact": _("telephone or e-mail"),
    "address": _("address"),
    "birth": _("date of birth"),
    "number": _("number that names somebody"),
    "guess": _("may be a name"),
    "by_hand": _("found by hand"),
}
