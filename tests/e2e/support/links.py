"""What a page of the gateway offers to press, read as a browser without script reads it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin


@dataclass
class Form:
    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    label: str = ""


class Links(HTMLParser):
    """The links and the forms of a page, by their words."""

    def __init__(self, text: str):
        super().__init__()
        self.links: dict[str, str] = {}
        self.forms: list[Form] = []
        self.elements: list[tuple[str, dict]] = []
        self._href = self._form = None
        self._words = ""
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = {name: value or "" for name, value in attributes}
        self.elements.append((tag, attributes))
        self._words = "" if tag in ("a", "button") else self._words
        if tag == "a":
            self._href = attributes.get("href")
        elif tag == "form":
            self._form = Form(attributes.get("method", "get").upper(), attributes.get("action", ""))
            self.forms.append(self._form)
        elif tag in ("input", "button") and self._form and attributes.get("name"):
            self._form.fields.append((attributes["name"], attributes.get("value", "")))

    def handle_endtag(self, tag):
        words = " ".join(self._words.split())
        if tag == "a" and self._href is not None:
            self.links[words] = self._href
        elif tag == "button" and self._form:
            self._form.label = words
        elif tag == "form":
            self._form = None

    def handle_data(self, data):
        self._words += data
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


def press(visitor, hop, words: str, **more):
    """Follows the link, or sends the form, with these words; and what it redirects to."""
    page = Links(hop.text)
    if words in page.links:
        return visitor.open(urljoin(hop.url, page.links[words]), site="same-origin", **more)
    forms = [form for form in page.forms if form.label == words]
    assert len(forms) == 1, f"{words!r} is not on the page: {list(page.links)}, {[form.label for form in page.forms]}"
    form = forms[0]
    url = urljoin(hop.url, form.action)
    if form.method == "GET":
        return visitor.open(f"{url}?{urlencode(form.fields)}", site="same-origin", **more)
    sent = visitor.post(url, urlencode(form.fields).encode())
    while sent.status in (302, 303) and not (more.get("stop_at") and sent.location.startswith(more["stop_at"])):
        sent = visitor.send(sent.location, site="same-origin")
    return sent
