# SPDX-License-Identifier: Apache-2.0
"""Prints what the message classes of an installed gcloud do not know in JSON files.

usage: unknown.py SDK_ROOT MODULE:MESSAGE:FILE...

gcloud itself sends on what it does not know.
"""

import importlib
import sys

root = sys.argv[1]
sys.path[:0] = [root + "/lib/third_party", root + "/lib"]

from apitools.base.py import encoding  # noqa: E402: it is part of gcloud

for argument in sys.argv[2:]:
    module, name, path = argument.split(":", 2)
    messages = importlib.import_module("googlecloudsdk.generated_clients.apis." + module)
    with open(path, encoding="utf-8") as file:
        message = encoding.JsonToMessage(getattr(messages, name), file.read())
    for edges, fields in encoding.UnrecognizedFieldIter(message):
        place = "".join("." + str(edge) for edge in edges)
        print(f"{path}: {name}{place} has no such field, or not with such a value: {', '.join(fields)}")
