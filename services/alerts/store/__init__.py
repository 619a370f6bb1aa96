"""The tables of alerts, and every query. Each function takes the transaction first; the school is in every query."""

from services.alerts.store.alerts import (
    add,
    alert_of,
    bring_back,
    drop,
    empty_inbox,
    first_readings,
    inbox,
    keep_no_more,
    keep_to,
    mark_read,
    orphan,
    raise_class,
    readers,
    unread_count,
    unread_of,
    unread_since,
    withdraw,
    withdraw_but,
)
from services.alerts.store.calendars import (
    calendar_of,
    calendar_row,
    claim_feeds,
    keep_address,
    keep_hours,
    keep_outcome,
    keep_school,
    replace_spans,
    spans_of,
)
from services.alerts.store.concerns import (
    add_askings,
    add_concerns,
    asking_settings_of,
    askings_of,
    change_concern,
    claim_concerns,
    close_concern,
    concern_of,
    concerns_led_by,
    keep_asking_settings,
    keep_policy,
    move_concerns,
    policies_of,
    schools_due,
    sent_since,
    unled,
    unread_by_team,
    wake_concerns,
)
from services.alerts.store.mails import claim_mails, hold_mails, mark_mails, stop_mails
from services.alerts.store.staff import keep_staff, staff_in_roles, staff_with
from services.alerts.store.subscriptions import (
    claim_notifications,
    drop_subscriptions,
    forget_subscription,
    keep_subscription,
    mark_notified,
    subscriptions_of,
    try_subscription,
)
from services.alerts.store.tables import metadata
