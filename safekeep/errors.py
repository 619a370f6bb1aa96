"""Every error a service may answer with. The gateway turns each into a status and a sentence, in one table.

nameko rebuilds an error in the caller as `cls(*args)`, found by module path and class name. So each class takes
plain JSON values, positionally, equal to `.args`; and a class must not move out of this module: that would break
callers of the previous release. No argument ever holds a name, a narrative or a file name.
"""


class SafekeepError(Exception):
    """The base of all expected refusals and failures."""


class NotFound(SafekeepError):
    """It does not exist, or this person may not know that it does: the two answer alike. args: (what,)."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class NotAllowed(SafekeepError):
    """The person may know of it but may not do this. args: (reason,), a code the gateway has a sentence for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSignedIn(SafekeepError):
    """No valid token or session came with the call. args: (reason,): missing, expired, invalid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignInFailed(SafekeepError):
    """The e-mail address and password do not belong together; which one is wrong is not said. args: ()."""

    def __init__(self) -> None:
        super().__init__()


class SecondFactorNeeded(SafekeepError):
    """The password is right and a code is needed too. args: ()."""

    def __init__(self) -> None:
        super().__init__()


class SignOnFailed(SafekeepError):
    """Signing in with a provider did not work.

    args: (reason,): provider_down, refused, not_genuine, unverified, unknown_account, needs_factor, linked_otherwise.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyAttempts(SafekeepError):
    """Slow down. args: (seconds,) to wait."""

    def __init__(self, seconds: int) -> None:
        seconds = int(seconds)  # nameko turns the arguments of errors that are not text into text
        super().__init__(seconds)
        self.seconds = seconds


class TooMuchRead(TooManyAttempts):
    """This person has opened more of the record than anybody needs to in the time. args: (seconds,) to wait."""


class Invalid(SafekeepError):
    """What was sent cannot be accepted. args: (problems,): field path → code, such as {"narrative": "too_long"}.

    A field path is dotted (`alert.staff_ids`, `linked_pupils.0.part`). The codes are listed in the gateway's
    `problems.py`, each with its sentence; a test finds codes without one.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class Conflict(SafekeepError):
    """It contradicts what is already kept, such as the same id with other content. args: (reason,)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLate(SafekeepError):
    """The call arrived after its deadline and was certainly not carried out. args: ()."""

    def __init__(self) -> None:
        super().__init__()


class StorageError(SafekeepError):
    """The database refused or failed. args: (sqlstate, constraint): never the row, which may hold a narrative."""

    def __init__(self, sqlstate: str, constraint: str) -> None:
        super().__init__(sqlstate, constraint)
        self.sqlstate = sqlstate
        self.constraint = constraint

    @property
    def is_outage(self) -> bool:
        """Whether the database is away or restarting (class 08, 57P, 53, or no state at all): worth waiting for."""
        return self.sqlstate == "" or self.sqlstate[:2] in {"08", "53"} or self.sqlstate[:3] == "57P"

    @property
    def is_repeatable(self) -> bool:
        """Whether running the transaction again may succeed (serialisation failure, deadlock)."""
        return self.sqlstate in {"40001", "40P01"}


class Unavailable(SafekeepError):
    """A service did not answer in time or cannot be reached. args: (service, outcome): not_done or unknown."""

    def __init__(self, service: str, outcome: str) -> None:
        super().__init__(service, outcome)
        self.service = service
        self.outcome = outcome
