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
    """Text is escaped, but for Markup. Raises KeyError for a component that has no HTML here."""
    return Markup(_written(node))  # noqa: S704 - _written escapes


def _written(node: Any) -> str:
    if node is None:
        return ""
    if isinstance(node, list | tuple):
        return "".join(map(_written, node))
    if not isinstance(node, Component):
        return str(escape(node))
    props = {name: value for name in node._prop_names if (value := getattr(node, name, None)) is not None}
    # Beside the known names: aria-…, data-….
    props |= {name: value for name, value in vars(node).items() if "-" in name}
    if node._namespace == "dash_html_components":
        return _element(node._type.lower(), props, _written(props.get("children")))
    return _OTHERS[node._type](props)


def _element(tag: str, props: Mapping[str, Any], inner: str = "") -> str:
    attributes = "".join(_attribute(name, value) for name, value in props.items() if name not in _SILENT)
    return f"<{tag}{attributes}>" if tag in _VOID else f"<{tag}{attributes}>{inner}</{tag}>"


def _attribute(name: str, value: Any) -> str:
    if isinstance(value, dict):
        value = ";".join(f"{key}:{part}" for key, part in value.items())
    return f' {_NAMES.get(name, name)}="{escape(value)}"'


def _location(_: Mapping[str, Any]) -> str:
    return ""


def _selection(props: Mapping[str, Any]) -> str:
    return _element("div", {"id": props["id"], "className": "controls"}, props["controls"])


def _chart(props: Mapping[str, Any]) -> str:
    """An empty box: the browser draws into it."""
    return _element("div", {"id": props["id"], "className": props["className"]})


def _html(props: Mapping[str, Any]) -> str:
    content = props["content"]
    shown = {"id": props["id"], "className": props["className"], "data-state": content["state"]}
    return _element("div", shown, content["html"])


def _fixed(props: Mapping[str, Any]) -> str:
    return _element("div", {"className": props["className"]}, props["content"])


def _link(props: Mapping[str, Any]) -> str:
    shown = {name: props[name] for name in ("href", "className") if name in props}
    return _element("a", shown, _written(props.get("children")))


def _input(props: Mapping[str, Any]) -> str:
    return _element("input", {name: props[name] for name in ("type", "name", "value") if name in props})


def _select(props: Mapping[str, Any]) -> str:
    options = "".join(
        _element(
            "option",
            {"value": option["value"]} | ({"selected": ""} if option["value"] == props["value"] else {}),
            str(escape(option["label"])),
        )
        for option in props["options"]
    )
    shown = {"id": props["id"], "name": props["name"], "className": "form-select"}
    return _element("select", shown, options)


_OTHERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Location": _location,
    "Chart": _chart,
    "Html": _html,
    "Fixed": _fixed,
    "Selection": _selection,
    "Link": _link,
    "Input": _input,
    "Select": _select,
}
