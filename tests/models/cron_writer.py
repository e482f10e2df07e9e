# SPDX-License-Identifier: Apache-2.0
"""Writes random cron expressions, all of them within the language, with a given random source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LATE = ["31W", "30W", "29W", "28W", "L-30", "L-29", "L-28"]


class CronWriter:
    """Random expressions; the same seed writes the same ones."""

    def __init__(self, seed: int, *, beyond_cronsim: bool = True) -> None:
        """Take a seed; without `beyond_cronsim` only what cronsim understands as we do."""
        self.random = Random(seed)
        self.beyond_cronsim = beyond_cronsim

    def expression(self) -> str:
        """Return an expression; most say little about the time, or little about the day."""
        focus = self.random.random()
        if focus < 0.1 and self.beyond_cronsim:
            return self.both_must()
        if focus < 0.6:
            return f"{self.clock()} {self.day_part()}"
        if focus < 0.85:
            return f"{self.items(0, 59)} {self.items(0, 23)} * * {self.random.choice(['*', '1-5'])}"
        return f"{self.items(0, 59)} {self.items(0, 23)} {self.day_part()}"

    def day_part(self) -> str:
        """Return day of month, month and day of week."""
        return f"{self.days()} {self.months()} {self.weekdays()}"

    def seldom(self) -> str:
        """Return an expression that fires seldom or never: few months, late days, both must."""
        pick = self.random.choice
        days = [pick(["28", "29", "30", "31", "30,31", "29-31", "*/30", "*/28", *_LATE])]
        days += [pick(["L", "LW", "29", "1W", *_LATE])] * pick([0, 0, 1])
        months = pick(["2", "feb", "4,6", "2,4,6,9,11", "4-6", "*/2", "9", "2-3"])
        weekday = pick(
            ["*", "*", "?", "*/2", "*/7", "*/3", "1#5", "*,3", "0L", "*/5", "3#1", "6#5"]
        )
        return f"{self.clock()} {','.join(days)} {months} {weekday}"

    def both_must(self) -> str:
        """Return an expression whose day fields are ANDed and count from both ends of a month."""
        pick = self.random.choice
        late = ["L-1", "L-2", "L", "LW", "L-5,L-20", *_LATE]
        days = f"{pick(['*/31,', '*/30,', '*/9,', ''])}{pick(late)}"
        weekday = f"{pick(['*/7,', '*/8,', '*/9,'])}{pick(['1#4', '5L', '5#5', '1L,3#4', '4'])}"
        return f"{self.clock()} {days} {pick(['2', '*', '2-4', '*/2'])} {weekday}"

    def near(self, hours: Sequence[int]) -> str:
        """Return an expression that runs at some of `hours`, mostly every day."""
        pick = self.random.choice
        some = sorted(set(self.random.choices(hours, k=pick([1, 1, 2, 3]))))
        listed = ",".join(map(str, some))
        wide = f"{max(some[0] - 1, 0)}-{min(some[-1] + 1, 23)}"
        hour = pick([listed, listed, listed, wide, f"{wide}/2", f"*,{listed}", "*/2", "*"])
        minute = pick([self.items(0, 59), str(pick([0, 15, 30, 45])), f"*,{pick([5, 30])}"])
        every_day = ["* * *", "* * *", "* * 0", "* * */2", "*/2 * *", "* 3,4,9-11 *", "L * *"]
        week, month = pick(["1-7", "8-14", "15-21", "22-28", "25-31"]), pick([3, 4, 9, 10, 11])
        every_day.append(f"{week} {month} */{pick([1, 5, 6, 7])}")
        return f"{minute} {hour} {pick([*every_day, self.day_part()])}"

    def clock(self) -> str:
        """Return one minute and one hour."""
        return f"{self.random.randrange(60)} {self.random.randrange(24)}"

    def days(self) -> str:
        """Return a day-of-month field."""
        return self._all_or(self._list(self._day, stars=0.3))

    def months(self) -> str:
        """Return a month field."""
        if self.random.random() < 0.5:
            return "*"
        return self._list(lambda: self._item(1, 12, _MONTHS), stars=0)

    def weekdays(self) -> str:
        """Return a day-of-week field."""
        return self._all_or(self._list(self._weekday, stars=0.35))

    def items(self, low: int, high: int) -> str:
        """Return a list of plain items."""
        return self._list(lambda: self._item(low, high, []), stars=0.1)

    def _all_or(self, field: str) -> str:
        questioned = field == "*" and self.beyond_cronsim and self.random.random() < 0.1
        return "?" if questioned else field

    def _list(self, item: Callable[[], str], *, stars: float) -> str:
        if self.random.random() < stars:
            return "*"
        return ",".join(item() for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def _day(self) -> str:
        pick = self.random.random()
        if pick < 0.1:
            return "L"
        if pick < 0.15:
            return "LW"
        if pick < 0.2 and self.beyond_cronsim:
            return f"L-{self.random.randrange(31)}"
        if pick < 0.35 and self.beyond_cronsim:
            return f"{self.random.choice([1, 2, 14, 15, 27, 28, 29, 30, 31])}W"
        return self._item(1, 31, [])

    def _weekday(self) -> str:
        pick = self.random.random()
        day = self._value(0, 7, []) if self.random.random() < 0.7 else self._name(_WEEKDAYS)
        if pick < 0.15:
            return f"{day}#{self.random.randrange(1, 6)}"
        if pick < 0.25:
            # cronsim takes the name of a weekday before L for an error.
            return f"{self._value(0, 7, [])}L"
        if pick < 0.35 and self.beyond_cronsim:
            return f"{self.random.randrange(1, 8)}-{self.random.choice(['0', 'sun', 'SUN'])}"
        return self._item(0, 7, _WEEKDAYS)

    def _item(self, low: int, high: int, names: list[str]) -> str:
        pick = self.random.random()
        step = self.random.choice([1, 2, 3, 4, 5, 7, 10, 15, self.random.randrange(1, 100)])
        if pick < 0.45:
            return self._value(low, high, names)
        if pick < 0.6:
            return f"*/{step}"
        if pick < 0.63:
            return "*"
        if pick < 0.7:
            return f"{self._value(low, high, names)}/{step}"
        first = self.random.randrange(low, high)
        last = self.random.randrange(first + 1, high + 1)
        body = f"{self._spelt(first, low, names)}-{self._spelt(last, low, names)}"
        if body.lower().endswith("-sun") and not self.beyond_cronsim:
            body = f"{first}-{last}"
        return body if pick < 0.85 else f"{body}/{step}"

    def _value(self, low: int, high: int, names: list[str]) -> str:
        return self._spelt(self.random.randrange(low, high + 1), low, names)

    def _spelt(self, value: int, low: int, names: list[str]) -> str:
        pick = self.random.random()
        if names and pick < 0.3:
            return self._cased(names[(value - low) % len(names)])
        return f"{value:02}" if pick > 0.9 else str(value)

    def _name(self, names: list[str]) -> str:
        return self._cased(self.random.choice(names))

    def _cased(self, name: str) -> str:
        return self.random.choice([name, name, name.upper(), name.title()])
