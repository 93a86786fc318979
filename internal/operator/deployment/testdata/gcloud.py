# SPDX-License-Identifier: Apache-2.0
"""The real gcloud, loaded once for many commands: it takes seconds to start.

gcloud.py parse SDK         reads commands from the standard input, a JSON list of
                            words a line, and parses each as gcloud does before it
                            runs one; answers a line each, "ok" or what is wrong.
gcloud.py serve SDK SOCKET  runs each command in a separate process, for "call".
                            It reads those to expect first, in the same form up to
                            an empty line, so that each process finds them loaded.
gcloud.py call SOCKET ...   runs a command there, with this process's environment,
                            folder, input and outputs, and ends as it ends.
"""
import contextlib
import io
import json
import os
import re
import socket
import sys


def load(sdk):
    sys.path.insert(0, os.path.join(sdk, "lib", "third_party"))
    sys.path.insert(0, os.path.join(sdk, "lib"))
    from googlecloudsdk import gcloud_main

    return gcloud_main


def parse(sdk):
    gcloud_main = load(sdk)
    parser = gcloud_main.CreateCLI([])._CLI__parser
    for line in sys.stdin:
        print(json.dumps(tried(parser, json.loads(line))), flush=True)


def tried(parser, words):
    from googlecloudsdk.calliope import parser_errors
    from googlecloudsdk.core import log
    from googlecloudsdk.core.resource import resource_filter, resource_printer

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            log.Reset(said, said)
            args = parser.parse_args(words)
            if getattr(args, "format", None):
                resource_printer.Printer(args.format, out=io.StringIO())
            if getattr(args, "filter", None):
                resource_filter.Compile(args.filter)
        return "ok"
    except SystemExit:
        lines = re.findall(r"ERROR: (.*(?:\n(?!\n|Usage|To search).*)*)", said.getvalue())
        return lines[0] if lines else said.getvalue()[-500:]
    except Exception as e:  # what gcloud says is what the reader would see
        return "%s: %s" % (type(e).__name__, e)


def serve(sdk, path):
    local()
    gcloud_main = load(sdk)
    parser = gcloud_main.CreateCLI([])._CLI__parser
    for line in iter(sys.stdin.readline, "\n"):
        tried(parser, json.loads(line))
    from googlecloudsdk.core import log

    log.Reset(sys.stdout, sys.stderr)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    print("ready", flush=True)
    if os.fork() == 0:  # ends with who started it: its input is then closed
        sys.stdin.read()
        os.kill(os.getppid(), 15)
        os._exit(0)
    while True:
        client, _ = server.accept()
        text, fds, _, _ = socket.recv_fds(client, 1 << 20, 3)
        pid = os.fork()
        if pid == 0:
            run(gcloud_main, json.loads(text), fds)
        _, status = os.waitpid(pid, 0)
        client.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
        client.close()
        for fd in fds:
            os.close(fd)


def local():
    """Leads the regional addresses that gcloud makes of a local one back to it:
    europe-west1-127.0.0.1 does not resolve."""
    look_up = socket.getaddrinfo

    def here(host, *args, **kwargs):
        return look_up("127.0.0.1" if str(host).endswith("-127.0.0.1") else host, *args, **kwargs)

    socket.getaddrinfo = here


def run(gcloud_main, call, fds):
    for i, fd in enumerate(fds):
        os.dup2(fd, i)
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["cwd"])
    sys.argv = ["gcloud"] + call["words"]
    status = 0
    try:
        gcloud_main.main()
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def call(path, words):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    text = json.dumps({"words": words, "env": dict(os.environ), "cwd": os.getcwd()}).encode()
    socket.send_fds(client, [text], [0, 1, 2])
    sys.exit((client.recv(1) or b"\1")[0])


if __name__ == "__main__":
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "call":
        call(rest[0], rest[1:])
    {"parse": parse, "serve": serve}[verb](*rest)
