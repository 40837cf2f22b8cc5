"""Actors take turns: one runs at a time, and a seed decides who goes on at every call.

An actor is ordinary code in a thread of its own that holds the only baton. At each *point* (every
call to the outside) the baton may pass to any other actor that is not asleep; so every interleaving
of calls can happen, and the same seed repeats the same one. Time is virtual: it moves with every
call, and leaps when everybody sleeps.
"""

import threading
from collections.abc import Callable
from random import Random

Body = Callable[[], None]


class Killed(BaseException):
    """What `kill -9` is to the code that runs: nothing more of it does."""


class Actor:
    """One thread of control."""

    def __init__(self, name: str, body: Body, skew_seconds: float) -> None:
        self.name = name
        self.body = body
        self.skew_seconds = skew_seconds
        """How far this actor's clock is ahead of the world's."""
        self.wakes_at = 0.0
        self.ends_at = float("inf")
        """When the host ends the function that runs here."""
        self.idle = False
        self.started = False
        self.doomed = False
        self.turn = threading.Lock()
        self.turn.acquire()


class Scheduler:
    """The baton, and the time. Outside `run` nobody holds the baton, and points do nothing."""

    def __init__(self, random: Random, start: float, staying: float) -> None:
        self._random = random
        self.now = start
        """Seconds since 1970."""
        self._staying = staying
        """With this probability whoever holds the baton keeps it at a point."""
        self._actors: list[Actor] = []
        self._threads: list[threading.Thread] = []
        self._ended = threading.Lock()
        self._ended.acquire()
        self.current: Actor | None = None
        self.failure: BaseException | None = None
        self.points = 0

    @property
    def skew_seconds(self) -> float:
        return 0.0 if self.current is None else self.current.skew_seconds

    def add(self, name: str, body: Body, skew_seconds: float = 0.0) -> Actor:
        """Another actor, which starts when it first gets the baton."""
        actor = Actor(name, body, skew_seconds)
        actor.wakes_at = self.now
        self._actors.append(actor)
        return actor

    def run(self) -> None:
        """Until every actor is done. Raises what the first of them raised."""
        if not self._actors:
            return
        self.current = self._next()
        self._hand(self.current)
        self._ended.acquire()
        for thread in self._threads:
            thread.join()
        self.current = None
        if self.failure is not None:
            raise self.failure

    def point(self) -> None:
        """Somebody else may go on here. Raises Killed in an actor that must not."""
        self.points += 1
        me = self.current
        if me is None:
            return
        if me.wakes_at > self.now or self._random.random() >= self._staying:
            self._pass_to(me, self._next())
        if me.doomed:
            raise Killed

    def sleep(self, seconds: float, *, idle: bool = False) -> None:
        """Until so much later; the others go on meanwhile. Who is idle may be woken."""
        me = self.current
        if me is None:
            self.now += seconds
            return
        me.wakes_at, me.idle = self.now + seconds, idle
        self.point()
        me.idle = False

    def begin_function(self, seconds_max: float) -> None:
        """The host calls a function, and will end it after so long."""
        if self.current is not None:
            self.current.ends_at = self.now + seconds_max

    @property
    def timed_out(self) -> bool:
        """Whether the function that runs has run for too long."""
        return self.current is not None and self.now > self.current.ends_at

    def wake_idle(self) -> None:
        """Whoever is idle goes on now."""
        for actor in self._actors:
            if actor.idle:
                actor.wakes_at = min(actor.wakes_at, self.now)

    def _next(self) -> Actor:
        awake = [actor for actor in self._actors if actor.wakes_at <= self.now]
        if not awake:
            first = min(self._actors, key=lambda actor: actor.wakes_at)
            self.now = first.wakes_at
            return first
        return awake[self._random.randrange(len(awake))] if len(awake) > 1 else awake[0]

    def _pass_to(self, me: Actor, chosen: Actor) -> None:
        self.now = max(self.now, chosen.wakes_at)
        if chosen is not me:
            self.current = chosen
            self._hand(chosen)
            me.turn.acquire()

    def _hand(self, actor: Actor) -> None:
        if not actor.started:
            actor.started = True
            thread = threading.Thread(target=self._live, args=(actor,), name=actor.name)
            self._threads.append(thread)
            thread.start()
        actor.turn.release()

    def _live(self, actor: Actor) -> None:
        actor.turn.acquire()
        try:
            if not actor.doomed:
                actor.body()
        except Killed:
            pass
        except BaseException as failure:  # handed to whoever runs the scheduler
            if self.failure is None:
                self.failure = failure
            for other in self._actors:
                other.doomed = True
                other.wakes_at = self.now
        self._actors.remove(actor)
        if self._actors:
            self.current = self._next()
            self._hand(self.current)
        else:
            self._ended.release()
