"""Records shells at work as an asciicast (version 2, one JSON document a line; play it with `asciinema play`).

usage: record.py SCENARIO OUTPUT

The scenario is a JSON object: `title`, `width`, `height`, and `steps`, in which each is an object with
  terminal  its number; every terminal is a bash of its own on a pseudo-terminal of its own, all shown on one screen
  type      what is typed there, before Enter; a step without it only waits
  until     a regular expression: the step is over when the terminal shows it; by default, when it shows its prompt
`setup` are commands that every terminal runs before the recording begins. The working directory and the environment
are those of this script. What is shown is real; only the times are made up, as if somebody typed without haste.
"""

import json
import os
import pty
import re
import select
import sys
import time

HANGING = 30  # seconds until a step counts as failed
PER_KEY, BEFORE_OUTPUT, AFTER_STEP = 0.05, 0.2, 1.2
PROMPT = re.compile(r"\$ $")


class Terminal:
    def __init__(self, number, several, scenario):
        self.prompt = f"\x1b[36mterminal {number}\x1b[0m $ " if several else "$ "
        self.busy = False  # with a command, so that it shows no prompt
        pid, self.fd = pty.fork()
        if pid == 0:
            size = {"COLUMNS": str(scenario["width"]), "LINES": str(scenario["height"])}
            os.environ.update({"PS1": "$ ", "TERM": "dumb", **size})
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting"])
        self.pid = pid
        self.read_until(PROMPT)

    def read_until(self, pattern):
        shown, deadline = "", time.monotonic() + HANGING
        while not pattern.search(shown):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                sys.exit(f"record: waited for {pattern.pattern!r} in vain; the terminal shows: {shown!r}")
            shown += os.read(self.fd, 65536).decode("utf-8", "replace")
        return shown

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        self.send("exit\n")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Recording:
    def __init__(self):
        self.now, self.events = 0.0, []

    def show(self, text, after):
        self.now += after
        self.events.append([round(self.now, 3), "o", text])

    def type(self, text):
        for key in text:
            self.show(key, PER_KEY)


def record(scenario):
    steps = scenario["steps"]
    numbers = sorted({step["terminal"] for step in steps})
    terminals = {number: Terminal(number, len(numbers) > 1, scenario) for number in numbers}
    for terminal in terminals.values():
        for line in scenario.get("setup", []):
            terminal.send(line + "\n")
            terminal.read_until(PROMPT)
    recording = Recording()
    for step in steps:
        terminal = terminals[step["terminal"]]
        if not terminal.busy:
            recording.show(terminal.prompt, BEFORE_OUTPUT)
        typed = step.get("type", "")
        if "type" in step:
            recording.type(typed)
            terminal.send(typed + "\n")
        shown = terminal.read_until(re.compile(step["until"]) if "until" in step else PROMPT)
        terminal.busy = "until" in step
        recording.show(without_echo(shown, typed), BEFORE_OUTPUT)
        recording.now += AFTER_STEP
    for terminal in terminals.values():
        terminal.end()
    return recording.events


def without_echo(shown, typed):
    """What came after the typed line, which is recorded already, and before the next prompt, which is yet to come."""
    rest = shown[len(typed):] if shown.startswith(typed) else shown
    return re.sub(r"\$ $", "", rest)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        scenario = json.load(file)
    header = {key: scenario[key] for key in ("width", "height", "title")}
    lines = [{"version": 2, **header}, *record(scenario)]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


main()
