"""One request's way through one rules file, in the order of lighttpd's modules.

First url.rewrite, again while a rule repeats; then with the URL that came of it
url.redirect, url.access-deny, proxy.server, server.document-root and alias.url, and
url.rewrite-if-not-file where there is no such file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from typing import NamedTuple

from .asked import Asked
from .asked import Redirect
from .asked import Refusal
from .asked import Rewrite
from .blocks import Block
from .blocks import Rule
from .blocks import Settings
from .escapes import guard
from .escapes import location
from .escapes import normal
from .escapes import split
from .escapes import unguard
from .scope import Scope
from .scope import See
from .scope import Tried
from .scope import captures_of
from .scope import resolve
from .targets import Filling
from .urls import Url
from .urls import facts_of

REPEATS_AT_MOST = 100  # rewrites of one request, lighttpd's bound
ANY = ("", "*")  # a required header's value that may be any
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Made(NamedTuple):
    """What a rule made of a URL."""

    rule: Rule
    url: Url
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of *asked* through *block*; *see* is told of each step."""

    block: Block
    asked: Asked
    see: See | None = None

    def answers(self) -> Iterator[Rewrite]:
        """Yield what each rule that matches means, in their order."""
        url = Url(self.asked.path, normal(self.asked.query))
        scope = self._scope(url)
        for each in self._meant(url, scope):
            yield self._gated(each, scope.settings)

    def _scope(self, url: Url) -> Scope:
        return resolve(self.block, self.asked, url.path, url.query, self.see)

    def _gated(self, meant: Rewrite, settings: Settings) -> Rewrite:
        for name, wanted in settings.required or ():
            value = self.asked.headers.get(name)
            if value is None or (wanted not in ANY and value != wanted):
                what = (
                    f"{name}: {wanted} is missing" if wanted else f"{name} is missing"
                )
                refusal = Refusal(settings.refuse or 403, what)
                return Rewrite(
                    None, headers=meant.headers, refusal=refusal, origin=meant.origin
                )
        return meant

    def _meant(self, url: Url, scope: Scope) -> Iterator[Rewrite]:
        settings = scope.settings
        served = Rewrite(
            None,
            content_type=settings.content_type,
            headers=settings.headers or (),
            if_missing=settings.if_missing or "404",
            render=settings.render,
        )
        spooled = self._spooled(url, scope)
        if spooled is not None:
            made = next(self._made("rules", url, scope), None)
            yield replace(
                served,
                target=None if made is None else made.url.path,
                query=url.query,
                spool=spooled.target.text if spooled.target is not None else None,
                once=spooled.directive == "metalease.spool-once",
                origin=spooled.where.origin,
            )
        if settings.listing is not None:
            yield replace(
                served,
                listing=self._listed(url, scope),
                query=url.query,
                origin=settings.listing.where.origin,
            )
        matched = False
        for made in self._made("rules", url, scope):
            matched = True
            yield self._followed(made, served, 1)
        if not matched:
            last = self._afterwards(url, scope, served, None, 0)
            if last is not None:
                yield last

    def _spooled(self, url: Url, scope: Scope) -> Rule | None:
        for rule in scope.settings.spooled or ():
            found = rule.pattern.search(guard(url.path))
            self._tell(rule, found, None)
            if found is not None:
                return rule
        return None

    def _listed(self, url: Url, scope: Scope) -> tuple[tuple[str, str | None], ...]:
        listing = scope.settings.listing
        assert listing is not None
        filling = self._filling(None, scope.captures.get("listing"), url)
        shown: list[tuple[str, str | None]] = []
        for entry in listing.entries:
            made = None if entry.target is None else entry.target.expand(filling)
            shown.append((entry.name, None if made is None else split(made)[0]))
        return tuple(shown)

    def _made(self, field: str, url: Url, scope: Scope) -> Iterator[Made]:
        """Yield what each rule of *field* that matches makes of *url*.

        lighttpd's rules see the query; where none of them matches what has one, they
        are asked for the path alone, or `user-data$` would miss user-data?x=1.
        """
        rules: tuple[Rule, ...] = getattr(scope.settings, field) or ()
        path = guard(url.path)
        subjects = [f"{path}?{url.query}", path] if url.query else [path]
        for subject in subjects:
            some = False
            for rule in rules:
                found = rule.pattern.search(subject)
                made = self._expanded(rule, found, scope.captures.get(field), url)
                self._tell(rule, found, made)
                if found is None or made is None:
                    continue
                some = True
                kept = url.query if subject is path else ""
                yield self._split(rule, made, kept, url)
            if some:
                return

    def _split(self, rule: Rule, made: str, kept: str, before: Url) -> Made:
        if rule.target is None:
            return Made(rule, before)
        path, query = split(made)
        url = Url(path, query or kept)
        if not path.startswith("/"):
            return Made(rule, url, Refusal(500, "what the rule made is no path"))
        if _CONTROL.search(path):
            return Made(rule, url, Refusal(400, "a control character in the target"))
        return Made(rule, url)

    def _expanded(
        self,
        rule: Rule,
        found: re.Match[str] | None,
        around: re.Match[str] | None,
        url: Url,
    ) -> str | None:
        if found is None:
            return None
        if rule.target is None:
            return ""
        return rule.target.expand(self._filling(found, around, url))

    def _filling(
        self, found: re.Match[str] | None, around: re.Match[str] | None, url: Url
    ) -> Filling:
        return Filling(found, around, facts_of(self.asked, url))

    def _tell(self, rule: Rule, found: re.Match[str] | None, made: str | None) -> None:
        if self.see is not None:
            captures = tuple(map(unguard, captures_of(found)))
            what = f'{rule.directive} "{rule.pattern.text}"'
            target = None if made is None else unguard(made)
            self.see(Tried(rule.where, what, found is not None, captures, target))

    def _followed(self, made: Made, served: Rewrite, count: int) -> Rewrite:
        """Return what becomes of a URL that a rule made, the *count*th of them."""
        origin = made.rule.where.origin
        if made.refusal is not None:
            return replace(served, refusal=made.refusal, origin=origin)
        if count > REPEATS_AT_MOST:
            refusal = Refusal(500, f"rewritten more than {REPEATS_AT_MOST} times")
            return replace(served, refusal=refusal, origin=origin)
        if made.rule.repeats:
            scope = self._scope(made.url)
            again = next(self._made("rules", made.url, scope), None)
            if again is not None and again.rule.target is not None:
                return self._followed(again, served, count + 1)
        elif not self.block.looks_again:
            return replace(
                served, target=made.url.path, query=made.url.query, origin=origin
            )
        else:
            scope = self._scope(made.url)
        last = self._afterwards(made.url, scope, served, made.rule, count)
        assert last is not None, "a rule matched"
        return last

    def _afterwards(
        self, url: Url, scope: Scope, served: Rewrite, rule: Rule | None, count: int
    ) -> Rewrite | None:
        """Return what *url* means; None where no rule led here and nothing says so."""
        settings = scope.settings
        served = replace(
            served,
            target=url.path,
            query=url.query,
            aliases=settings.aliases or (),
            root=None if settings.root is None else settings.root.text,
            origin="" if rule is None else rule.where.origin,
        )
        redirect = self._redirected(url, scope, served)
        if redirect is not None:
            return redirect
        if settings.denied is not None:
            # a document is the same with a slash behind it
            names = {url.path, url.path.rstrip("/")}
            for suffix in settings.denied.texts:
                if any(name.endswith(suffix) for name in names):
                    refusal = Refusal(403, f'url.access-deny: "{suffix}"')
                    origin = settings.denied.where.origin
                    return replace(served, target=None, refusal=refusal, origin=origin)
        for proxy in settings.proxies or ():
            if proxy.path in ("", url.path):
                origin = proxy.where.origin
                return replace(served, proxy=proxy.upstream, origin=origin)
        if rule is None or rule.repeats:
            is_file = settings.fallbacks is not None and self.asked.is_file(served)
            made = None if is_file else next(self._made("fallbacks", url, scope), None)
            if made is not None and made.rule.target is not None:
                return self._followed(made, served, count + 1)
        if rule is not None:
            return served
        return _of_its_own(url, settings, served)

    def _redirected(self, url: Url, scope: Scope, served: Rewrite) -> Rewrite | None:
        rules = scope.settings.redirects or ()
        path = guard(url.path)
        subject = f"{path}?{url.query}" if url.query else path
        for rule in rules:
            found = rule.pattern.search(subject)
            made = self._expanded(rule, found, scope.captures.get("redirects"), url)
            self._tell(rule, found, made)
            if found is None or made is None:
                continue
            if rule.target is None:
                return None
            status = scope.settings.redirect_code
            if status is None:
                status = 301 if self.asked.method in ("GET", "HEAD") else 308
            redirect = Redirect(status, location(made))
            origin = rule.where.origin
            return replace(served, target=None, redirect=redirect, origin=origin)
        return None


def _of_its_own(url: Url, settings: Settings, served: Rewrite) -> Rewrite | None:
    """Return what an alias or a root means where no rule leads to it."""
    for alias in settings.aliases or ():
        if alias.leads(url.path):
            return replace(served, origin=alias.origin)
    if settings.root is not None:
        return replace(served, origin=settings.root.where.origin)
    return None
