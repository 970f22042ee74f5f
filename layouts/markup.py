"""Components → HTML, as React would make it: what a browser shows until Dash has started."""

from collections.abc import Callable, Mapping
from typing import Any

from dash.development.base_component import Component
from markupsafe import Markup, escape

_VOID = frozenset({"img", "input", "br", "hr"})
_NAMES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex", "colSpan": "colspan"}
# What Dash keeps for itself.
_SILENT = frozenset({"children", "n_clicks", "n_clicks_timestamp", "disable_n_clicks", "key"})


def markup(node: Any) -> Markup:
    """Text is escaped. Raises KeyError for a component that has no HTML here."""
    if node is None:
        return Markup()
    if isinstance(node, list | tuple):
        return Markup().join(markup(child) for child in node)
    if not isinstance(node, Component):
        return escape(node)
    props = node.to_plotly_json()["props"]  # type: ignore[no-untyped-call]
    if node._namespace == "dash_html_components":
        return _element(node._type.lower(), props, markup(props.get("children")))
    return _OTHERS[node._type](props)


def _element(tag: str, props: Mapping[str, Any], inner: Markup) -> Markup:
    written = Markup().join(
        _attribute(name, value) for name, value in props.items() if name not in _SILENT and value is not None
    )
    if tag in _VOID:
        return Markup("<{}{}>").format(tag, written)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, inner)


def _attribute(name: str, value: Any) -> Markup:
    name = _NAMES.get(name, name)
    if isinstance(value, dict):
        value = ";".join(f"{key}:{part}" for key, part in value.items())
    return Markup(' {}="{}"').format(name, value)


def _location(_: Mapping[str, Any]) -> Markup:
    return Markup()


def _chart(props: Mapping[str, Any]) -> Markup:
    """An empty box: the browser draws into it."""
    return _element("div", {"id": props["id"], "className": props["className"]}, Markup())


def _html(props: Mapping[str, Any]) -> Markup:
    content = props["content"]
    shown = {"id": props["id"], "className": props["className"], "data-state": content["state"]}
    return _element("div", shown, Markup(content["html"]))  # noqa: S704 - made here before


def _link(props: Mapping[str, Any]) -> Markup:
    shown = {name: props.get(name) for name in ("href", "className")}
    return _element("a", shown, markup(props.get("children")))


def _input(props: Mapping[str, Any]) -> Markup:
    return _element("input", {name: props.get(name) for name in ("type", "name", "value")}, Markup())


def _select(props: Mapping[str, Any]) -> Markup:
    options = Markup().join(
        _element(
            "option",
            {"value": option["value"]} | ({"selected": ""} if option["value"] == props["value"] else {}),
            escape(option["label"]),
        )
        for option in props["options"]
    )
    return _element("select", {"id": props["id"], "className": "form-select"}, options)


_OTHERS: dict[str, Callable[[Mapping[str, Any]], Markup]] = {
    "Location": _location,
    "Chart": _chart,
    "Html": _html,
    "Link": _link,
    "Input": _input,
    "Select": _select,
}
