"""Assembly: plugins are found, each hook is called once, and what they give is checked and put into one frozen record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import pluggy

from . import _builtins, _hookspecs
from ._errors import AlonzoError, OptionError, PluginError, error_text
from ._ports import Encoder, ExecutorKind, Inspector, Observer, Serializer, StoreKind, ValueStoreKind
from ._settings import Settings
from ._typed import check_settings_class, nearest

GROUP = _hookspecs.NAME

# A module that is also a script may call sys.exit when it is imported: that is a failure of its own, not the end of the program.
_FAILURES = (Exception, SystemExit)


@attrs.frozen(eq=False)
class Providers:
    """What the plugins offered.

    loaded   (name, the distribution it came with or None) of each that was loaded
    failed   (name, what went wrong) of each that could not be
    owners   (kind of provider, name) -> the plugin that supplied it
    """

    encoders: tuple[Encoder, ...]
    inspectors: Mapping[str, Inspector]
    serializers: tuple[Serializer, ...]
    stores: Mapping[str, StoreKind]
    value_stores: Mapping[str, ValueStoreKind]
    executors: Mapping[str, ExecutorKind]
    observers: tuple[tuple[str, Observer], ...]
    owners: Mapping[tuple[str, str], str]
    loaded: tuple[tuple[str, Any], ...]
    failed: tuple[tuple[str, str], ...]
    manager: pluggy.PluginManager

    @property
    def plugins(self) -> tuple[tuple[str, str, str], ...]:
        """(name, distribution, version) of each that was loaded; read only now, as it takes a while."""
        return tuple((name, *_described(distribution)) for name, distribution in self.loaded)


def manager(
    extra: Iterable[object], *, discover: bool, warn: Callable[[str], None]
) -> tuple[pluggy.PluginManager, list[Any], list[Any]]:
    """A plugin manager with the built-in plugin, the installed ones and `extra` (objects, or "no:NAME" to leave one out).

    Raises:
        PluginError: a plugin is registered twice, or implements a hook that does not exist.
    """
    plugins = pluggy.PluginManager(GROUP)
    plugins.add_hookspecs(_hookspecs)
    plugins.register(_builtins, "core")
    given = _given(extra)
    switched_off = {item.removeprefix("no:") for item in given if isinstance(item, str)} | _names(
        "ALONZO_DISABLE_PLUGINS"
    )
    only = _names("ALONZO_ONLY_PLUGINS")
    loaded: list[tuple[str, Any]] = []
    failed: list[tuple[str, str]] = []
    for name, distribution, load in _installed() if discover else ():
        if name in switched_off or (only and name not in only):
            continue
        try:
            plugins.register(load(), name)
        except _FAILURES as error:
            failed.append((name, error_text(error)))
            came_with = " ".join(_described(distribution))
            warn(f"plugin {name} ({came_with}) could not be loaded and is left out: {error_text(error)}")
        else:
            loaded.append((name, distribution))
    for plugin in given:
        if isinstance(plugin, str):
            continue
        name = getattr(plugin, "__name__", None) or type(plugin).__name__
        try:
            plugins.register(plugin, name)
        except pluggy.PluginValidationError as error:
            raise PluginError(name, str(error)) from error
        except ValueError as error:
            raise PluginError(name, f"it is registered twice ({error})") from error
        loaded.append((name, None))
    for implementation in plugins.hook.alonzo_addhooks.get_hookimpls():
        try:
            implementation.function(**{"pluginmanager": plugins} if "pluginmanager" in implementation.argnames else {})
        except _FAILURES as error:
            problem = f"alonzo_addhooks failed: {error_text(error)}"
            raise PluginError(implementation.plugin_name, problem) from error
    try:
        plugins.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(getattr(error.plugin, "__name__", str(error.plugin)), str(error)) from error
    return plugins, loaded, failed


def _given(extra: Iterable[object]) -> list[object]:
    if isinstance(extra, str):
        raise PluginError(extra, 'plugins= takes a list: objects with hook implementations, or "no:NAME"')
    given = list(extra)
    for plugin in given:
        if isinstance(plugin, str):
            if not plugin.startswith("no:"):
                raise PluginError(plugin, f'installed plugins need not be named; "no:{plugin}" leaves it out')
        elif not any(name.startswith("alonzo_") for name in dir(plugin)):
            raise PluginError(repr(plugin), "it has no hook implementation, no method that begins with alonzo_")
    return given


def decides_values(plugin: object) -> bool:
    """Does a runtime need this plugin to come to the same values? What only observes, or adds commands, is of one place."""
    hooks = {name for name in dir(plugin) if name.startswith("alonzo_")}
    return isinstance(plugin, str) or bool(hooks - {"alonzo_observers", "alonzo_commands", "alonzo_settings"})


def assemble(
    settings: Settings, extra: Iterable[object] = (), *, discover: bool = True, warn: Callable[[str], None]
) -> Providers:
    """Call each hook once.

    Raises:
        PluginError: a plugin's hook failed, or gave what nobody can use, or what another has given already.
        SettingsError: a plugin's table in the settings is wrong.
    """
    plugins, loaded, failed = manager(extra, discover=discover, warn=warn)
    tables = _tables(plugins, settings)
    owners: dict[tuple[str, str], str] = {}

    def offers(hook: str, protocol: type, names: Callable[[Any], Iterable[str]]) -> list[tuple[str, Any]]:
        given: list[tuple[str, Any]] = []
        for implementation in getattr(plugins.hook, hook).get_hookimpls():
            name = implementation.plugin_name
            known = {"settings": tables.get(name), "root": settings.root, "offers": offers}
            try:
                offered = list(implementation.function(**{arg: known[arg] for arg in implementation.argnames}) or ())
            except AlonzoError:
                raise
            except _FAILURES as error:
                raise PluginError(name, f"{hook} failed: {error_text(error)}") from error
            for offer in offered:
                if not isinstance(offer, protocol):
                    raise PluginError(name, f"{hook} gave {offer!r}, which is no {protocol.__name__}")
                try:
                    claims = list(names(offer))
                except _FAILURES as error:
                    raise PluginError(name, f"{hook} gave {offer!r}: {error_text(error)}") from error
                for claimed in claims:
                    if (hook, claimed) in owners:
                        raise PluginError(
                            name, f"{hook}: {claimed!r} is already supplied by plugin {owners[hook, claimed]}"
                        )
                    owners[hook, claimed] = name
                given.append((name, offer))
        return given

    encoders = offers("alonzo_encoders", Encoder, lambda e: [_named(kind) for kind in e.kinds])
    inspectors = offers("alonzo_inspectors", Inspector, lambda i: [i.kind])
    serializers = offers("alonzo_serializers", Serializer, lambda s: [s.name])
    stores = offers("alonzo_stores", StoreKind, lambda s: s.schemes)
    value_stores = offers("alonzo_value_stores", ValueStoreKind, lambda s: s.schemes)
    executors = offers("alonzo_executors", ExecutorKind, lambda e: [e.name])
    for name, kind in executors:
        _checked_class(name, kind.options)
    return Providers(
        tuple(encoder for _, encoder in encoders),
        {inspector.kind: inspector for _, inspector in inspectors},
        tuple(serializer for _, serializer in serializers),
        {scheme: kind for _, kind in stores for scheme in kind.schemes},
        {scheme: kind for _, kind in value_stores for scheme in kind.schemes},
        {kind.name: kind for _, kind in executors},
        tuple(offers("alonzo_observers", Observer, lambda _: ())),
        {(hook.removeprefix("alonzo_").removesuffix("s"), name): owner for (hook, name), owner in owners.items()},
        tuple(loaded),
        tuple(failed),
        plugins,
    )


def _named(kind: type | str) -> str:
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _tables(plugins: pluggy.PluginManager, settings: Settings) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for implementation in plugins.hook.alonzo_settings.get_hookimpls():
        name = implementation.plugin_name
        try:
            kind: Any = implementation.function()
        except _FAILURES as error:
            raise PluginError(name, f"alonzo_settings failed: {error_text(error)}") from error
        if kind is None:
            continue
        _checked_class(name, kind)
        tables[name] = settings.table(kind, "plugins", name)
    known = [name for name, _ in plugins.list_name_plugin()]
    for name in settings.plugins:
        if name not in tables:
            problem = "has no settings" if name in known else f"is not installed{nearest(name, known)}"
            raise PluginError(
                name, f"{settings.set_by('plugins', name)} has a table [plugins.{name}], but that plugin {problem}"
            )
    return tables


def _checked_class(plugin: str, kind: Any) -> None:
    try:
        check_settings_class(kind, need_default=True)
    except OptionError as error:
        raise PluginError(plugin, str(error)) from error


def _names(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()}


def _installed() -> Sequence[tuple[str, Any, Callable[[], Any]]]:
    import importlib.metadata

    found: dict[str, tuple[str, Any, Callable[[], Any]]] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, (entry.name, entry.dist, entry.load))
    return [found[name] for name in sorted(found)]


def _described(distribution: Any) -> tuple[str, str]:
    """Name and version."""
    return ("", "") if distribution is None else (distribution.name, distribution.version)
