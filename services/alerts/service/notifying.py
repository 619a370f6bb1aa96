"""Notifying the browsers of people who allowed it: which they are, and the timer that does it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from nameko.timer import timer

from safekeep import clock, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.alerts import DeviceKept, DeviceToNotify, DropDevice, KeepDevice, Notifications, NotificationsAnswer, TryDevice
from safekeep.errors import Invalid, StorageError
from safekeep.rpc import answers
from services.alerts import notifying, store
from services.alerts.service.base import Base

BATCH = 20
CLAIMED_FOR = timedelta(seconds=30)  # longer than a batch of them takes at its slowest
DEVICES = 10  # a person's at one school


class Notifying(Base):
    """Web Push."""

    @answers(Notifications)
    def notifications(self, actor: Actor, request: Notifications) -> NotificationsAnswer:
        with self._school(actor) as tx:
            rows = store.subscriptions_of(tx, school_id=actor.at_school, person_id=actor.person)
        items = [DeviceToNotify(id=r.id, device=r.device, made_at=r.made_at, sent_at=r.sent_at) for r in rows]
        return NotificationsAnswer(items=items, key=notifying.public_part(self._our_key()) if self.host.settings.push_hosts else "")

    @answers(KeepDevice)
    def keep_device(self, actor: Actor, request: KeepDevice) -> DeviceKept:
        browser, problems = notifying.read(endpoint=request.endpoint, p256dh=request.p256dh, auth=request.auth)
        if not notifying.is_let(request.endpoint, self.host.settings.push_hosts):
            problems["endpoint"] = "unknown_choice"
        if problems or browser is None:
            raise Invalid(problems)
        here: dict[str, Any] = {"school_id": actor.at_school, "person_id": actor.person}
        with self._school(actor) as tx:
            known = store.subscriptions_of(tx, **here)
            if len(known) >= DEVICES and request.endpoint not in {row.endpoint for row in known}:
                raise Invalid({"endpoint": "too_many"})
            keys: dict[str, Any] = {"public_key": browser.public_key, "secret": browser.secret}
            kept = store.keep_subscription(tx, **here, id=request.id, endpoint=request.endpoint, **keys, device=request.device, made_at=clock.now())
        return DeviceKept(id=kept)

    @answers(DropDevice)
    def drop_device(self, actor: Actor, request: DropDevice) -> Nothing:
        with self._school(actor) as tx:
            store.drop_subscriptions(tx, school_id=actor.at_school, person_id=actor.person, id=request.device_to_drop)
        return Nothing()

    @answers(TryDevice)
    def try_device(self, actor: Actor, request: TryDevice) -> Nothing:
        with self._school(actor) as tx:
            store.try_subscription(tx, school_id=actor.at_school, person_id=actor.person, id=request.device_to_try, now=clock.now())
        return Nothing()

    @timer(interval=0.3)
    def notify(self) -> None:
        """Notify the browsers that are due. Beside the mail, never before it: a push service that hangs holds up nothing else."""
        try:
            now = clock.now()
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_notifications(tx, now=now, again=now + CLAIMED_FOR, limit=BATCH)
            for row, outcome in zip(due, _hands.map(self._notify, due), strict=True):
                self._mark_notified(row, outcome, again=now + CLAIMED_FOR)
        except StorageError as error:
            telemetry.log().warning("notifications.waiting", sqlstate=error.sqlstate)

    def _notify(self, row: Any) -> notifying.Outcome:
        settings = self.host.settings
        browser = notifying.Browser(row.endpoint, bytes(row.public_key), bytes(row.secret))
        contact = settings.public_url if settings.public_url.startswith("https:") else f"mailto:{settings.mail_from}"
        try:
            return notifying.notify(browser, key=self._our_key(), contact=contact, hosts=settings.push_hosts, now=clock.now())
        except Exception as error:  # one browser's must not keep the others from being marked
            telemetry.log().error("notification.failed", browser=notifying.name_of(row.endpoint), error=type(error).__name__)
            return "later"

    def _mark_notified(self, row: Any, outcome: notifying.Outcome, *, again: Any) -> None:
        telemetry.NOTIFICATIONS.labels(outcome=outcome).inc()
        telemetry.log().info("notification.done", browser=notifying.name_of(row.endpoint), outcome=outcome)
        now, is_last = clock.now(), row.attempts + 1 >= notifying.MAX_ATTEMPTS
        with self.host.transaction(self.host.worker_engine) as tx:
            if outcome == "gone":
                store.forget_subscription(tx, row=row)
            elif outcome == "sent":
                store.mark_notified(tx, row=row, again=again, sent_at=now, next_at=None)
            else:
                store.mark_notified(tx, row=row, again=again, sent_at=None, next_at=None if is_last else now + notifying.delay_after(row.attempts))

    def _our_key(self) -> Any:
        return notifying.our_key(self.host.keys.symmetric("push")[1])


_hands = ThreadPoolExecutor(4, thread_name_prefix="push")
