#!/usr/bin/env python3
"""Draws the sequence diagrams of these pages.

The sources are Mermaid blocks, which code hosts draw by themselves. mdBook does not: this preprocessor puts an SVG in place of each.
It understands what the pages use (participants, messages, notes) and ends with an error at anything else.
"""

import html
import json
import re
import sys
import textwrap

BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTICIPANT = re.compile(r"participant (\w+)(?: as (.+))?$")
MESSAGE = re.compile(r"(\w+)(--?>>)(\w+): (.+)$")
NOTE = re.compile(r"Note over (\w+)(?:,(\w+))?: (.+)$")

WIDTH, HEAD, LINE = 860, 34, 16


def wrapped(words, width):
    """The words in lines that fit a width."""
    return textwrap.wrap(words, int((width - 12) / 7.3))


class Drawing:
    """An SVG that grows downwards, with a lane for each participant."""

    def __init__(self, names):
        self.lane = WIDTH / len(names)
        self.lanes = {key: self.lane * (index + 0.5) for index, key in enumerate(names)}
        self.names = names
        self.y = HEAD + 14
        self.parts = []

    def text(self, x, y, words, size=13, weight=400):
        self.parts.append(f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}" font-weight="{weight}" '
                          f'style="fill:var(--fg)">{html.escape(words)}</text>')

    def box(self, x, y, width, height):
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" '
                          'style="fill:var(--quote-bg);stroke:var(--fg)"/>')

    def lines(self, x, lines):
        """Lines of text, downwards."""
        for line in lines:
            self.y += LINE
            self.text(x, self.y, line)

    def message(self, sender, arrow, receiver, words):
        start, end = self.lanes[sender], self.lanes[receiver]
        if start == end:
            return self.note(sender, receiver, words)
        self.y += 6
        self.lines((start + end) / 2, wrapped(words, abs(end - start)))
        self.y += 8
        dash = ' stroke-dasharray="5 4"' if arrow.startswith("--") else ""
        tip = end - 9 if end > start else end + 9
        self.parts.append(f'<path d="M{start} {self.y}H{tip}"{dash} style="stroke:var(--fg);fill:none"/>'
                          f'<path d="M{end} {self.y}L{tip} {self.y - 4}V{self.y + 4}z" style="fill:var(--fg)"/>')
        self.y += 4

    def note(self, first, last, words):
        left, right = sorted((self.lanes[first], self.lanes[last]))
        width = right - left + min(self.lane, 220) - 16
        middle = (left + right) / 2
        lines = wrapped(words, width)
        self.y += 10
        self.box(middle - width / 2, self.y, width, len(lines) * LINE + 10)
        self.lines(middle, lines)
        self.y += 10

    def svg(self, label):
        height = self.y + 14
        rails = "".join(f'<path d="M{x} {HEAD}V{height}" stroke-dasharray="2 4" style="stroke:var(--fg);opacity:.5"/>'
                        for x in self.lanes.values())
        body, self.parts = self.parts, []
        for key, name in self.names.items():
            self.box(self.lanes[key] - self.lane / 2 + 8, 1, self.lane - 16, HEAD - 4)
            self.text(self.lanes[key], 21, name, 14, 600)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
                f'aria-label="{html.escape(label)}" style="width:100%;height:auto;max-width:{WIDTH}px;'
                f'font-family:system-ui,sans-serif">{rails}{"".join(self.parts)}{"".join(body)}</svg>')


def draw(source):
    """The SVG of one block."""
    kind, *lines = [line.strip() for line in source.strip().splitlines()]
    if kind != "sequenceDiagram":
        raise ValueError(f"not a sequence diagram: {kind}")
    names, steps = {}, []
    for line in lines:
        if found := PARTICIPANT.match(line):
            names[found[1]] = found[2] or found[1]
        elif found := MESSAGE.match(line):
            steps.append(("message", found.groups()))
        elif found := NOTE.match(line):
            steps.append(("note", (found[1], found[2] or found[1], found[3])))
        else:
            raise ValueError(f"not understood: {line}")
    drawing = Drawing(names)
    for step, arguments in steps:
        getattr(drawing, step)(*arguments)
    # What a screen reader says: the same messages in words.
    messages = [arguments for step, arguments in steps if step == "message"]
    return drawing.svg("; ".join(f"{names[sender]} to {names[to]}: {words}" for sender, _, to, words in messages))


def replace(items):
    """Draws the blocks of chapters, and of those below them."""
    for item in items:
        if isinstance(item, dict) and (chapter := item.get("Chapter")):
            chapter["content"] = BLOCK.sub(lambda block: f'<div class="diagram">{draw(block[1])}</div>', chapter["content"])
            replace(chapter["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0 if sys.argv[2:] == ["html"] else 1)
    _, book = json.load(sys.stdin)
    replace(book["items"])
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
