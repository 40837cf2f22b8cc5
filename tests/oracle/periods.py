"""UTC days, months and five-minute windows, each named by its first moment."""

from datetime import UTC, date, datetime, timedelta

WINDOW_MINUTES = 5


def moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def day_of(microseconds: int) -> date:
    return moment(microseconds).date()


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def previous_month(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def seven_days_before(day: date) -> list[date]:
    return [day - timedelta(days=back) for back in range(1, 8)]


def window_start(microseconds: int) -> datetime:
    at = moment(microseconds)
    return at.replace(minute=at.minute - at.minute % WINDOW_MINUTES, second=0, microsecond=0)


def part_of_day(hour: int) -> str:
    return ("night", "morning", "afternoon", "evening")[hour // 6]


def has_begun(start: date | datetime, now_seconds: int) -> bool:
    """Periods are published once the clock has reached their start."""
    if not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return start.timestamp() <= now_seconds


def compact_day(day: date) -> str:
    return day.strftime("%Y%m%d")


def compact_month(month: date) -> str:
    return month.strftime("%Y%m")


def iso_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
