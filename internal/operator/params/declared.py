# SPDX-License-Identifier: Apache-2.0
"""Print, as JSON, the DAGs of a file with the Params that each declares.

The file is parsed, and never run: what it computes is reported as computed. Names are
followed to where the file assigns them, and to modules in the folder of the file.
"""

import ast
import json
import math
import os
import sys

MAX_FILE = 4 << 20  # in bytes


class Computed(Exception):
    """The value is known only when the file runs."""

    def __init__(self, node):
        super().__init__()
        self.line = getattr(node, "lineno", 0)


class Module:
    def __init__(self, path, modules):
        self.path, self.modules, self.names = path, modules, {}
        modules[path] = self
        with open(path, "rb") as file:
            text = file.read(MAX_FILE + 1)
        if len(text) > MAX_FILE:
            raise ValueError("%s has over %d bytes" % (os.path.basename(path), MAX_FILE))
        self.tree = ast.parse(text, os.path.basename(path))
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self.assign(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self.assign(node.target, node.value)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for name in node.names:
                    self.names[name.asname or name.name] = (node.module, name.name)
            elif isinstance(node, ast.Import):
                for name in node.names:
                    self.names[name.asname or name.name] = (name.name, None)

    def assign(self, target, value):
        if isinstance(target, ast.Name):
            # What is assigned twice depends on what runs.
            self.names[target.id] = None if target.id in self.names else value

    def beside(self, name):
        """The module of that name in this one's folder, where there is one."""
        folder = os.path.dirname(self.path)
        for path in (os.path.join(folder, *name.split(".")) + ".py", os.path.join(folder, name.split(".")[-1] + ".py")):
            if os.path.isfile(path):
                return self.modules.get(path) or Module(path, self.modules)
        return None

    def follow(self, node, depth=0):
        """The expression that a name stands for, and the module that it is in."""
        if depth > 20:
            raise Computed(node)
        if isinstance(node, ast.Name) and node.id in self.names:
            found = self.names[node.id]
            if isinstance(found, tuple):
                module, name = found
                other = self.beside(module)
                if name is None or other is None or name not in other.names:
                    raise Computed(node)
                return other.follow(ast.copy_location(ast.Name(name), node), depth + 1)
            if found is None:
                raise Computed(node)
            return self.follow(found, depth + 1)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found = self.names.get(node.value.id)
            if isinstance(found, tuple):
                module, name = found
                other = self.beside(module if name is None else name)
                if other is not None and node.attr in other.names:
                    return other.follow(ast.copy_location(ast.Name(node.attr), node), depth + 1)
        return self, node

    def value(self, node):
        module, node = self.follow(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, bool, type(None))):
            if not isinstance(node.value, float) or math.isfinite(node.value):
                return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = module.value(node.operand)
            if isinstance(value, (int, float)):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [module.value(item) for item in node.elts]
        if isinstance(node, ast.Dict) and None not in node.keys:
            return {str(module.value(key)): module.value(value) for key, value in zip(node.keys, node.values)}
        raise Computed(node)

    def param(self, node):
        """One Param: a call of Param, or the bare default."""
        module, node = self.follow(node)
        found = module.place(node)
        if not module.is_call(node, "Param"):
            module.default(found, node)
            return found
        if node.args:
            module.default(found, node.args[0])
        for keyword in node.keywords:
            if keyword.arg == "default":
                module.default(found, keyword.value)
            elif keyword.arg in (None, "schema"):
                more = module.value(keyword.value)
                found["schema"].update(more if isinstance(more, dict) else {})
            elif keyword.arg != "source":
                try:
                    found["schema"][keyword.arg] = module.value(keyword.value)
                except Computed:
                    pass  # what is not known allows anything
        found["schema"].pop("description", None)
        return found

    def place(self, node):
        return {"file": self.path, "line": node.lineno, "schema": {}}

    def default(self, found, node):
        try:
            found["value"] = self.value(node)
        except Computed:
            found["computed"] = True

    def params(self, node):
        """A map of Params by name."""
        module, node = self.follow(node)
        if isinstance(node, ast.Constant) and node.value is None:
            return {}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return {**module.params(node.left), **module.params(node.right)}
        if module.is_call(node, "ParamsDict") and len(node.args) == 1 and not node.keywords:
            return module.params(node.args[0])
        found = {}
        if module.is_call(node, "dict"):
            for arg in node.args:
                found.update(module.params(arg))
            for keyword in node.keywords:
                found.update(module.entry(keyword.arg, keyword.value))
            return found
        if not isinstance(node, ast.Dict):
            raise Computed(node)
        for key, value in zip(node.keys, node.values):
            found.update(module.entry(None if key is None else str(module.value(key)), value))
        return found

    def entry(self, name, value):
        if name is None:
            return self.params(value)
        try:
            return {name: self.param(value)}
        except Computed:
            return {name: {**self.place(value), "computed": True}}

    def is_call(self, node, name):
        return isinstance(node, ast.Call) and self.is_named(node.func, name)

    def is_named(self, function, name):
        """Whether a function has that name where it was imported from."""
        if isinstance(function, ast.Attribute):
            return function.attr == name
        found = self.names.get(getattr(function, "id", None))
        return (found[1] if isinstance(found, tuple) else getattr(function, "id", None)) == name


def dag(module, call, name=None):
    found = {"id": name, "line": call.lineno, "params": {}}
    arguments = {keyword.arg: keyword.value for keyword in call.keywords}
    where = arguments.get("dag_id", call.args[0] if call.args else None)
    if where is not None:
        try:
            found["id"] = module.value(where)
        except Computed:
            found["id"] = None
    try:
        if "params" in arguments:
            found["params"] = module.params(arguments["params"])
        elif None in arguments:
            raise Computed(call)
    except Computed as computed:
        found["params"], found["computed"] = None, computed.line
    return found


def dags(module):
    for node in ast.walk(module.tree):
        if module.is_call(node, "DAG"):
            yield dag(module, node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                if module.is_call(decorator, "dag"):
                    yield dag(module, decorator, node.name)
                elif module.is_named(decorator, "dag"):
                    yield {"id": node.name, "line": node.lineno, "params": {}}


def main(path):
    try:
        module = Module(os.path.abspath(path), {})
        found = {"dags": list(dags(module))}
        if not found["dags"] and "PARAMS" in module.names:
            try:
                params = module.params(ast.copy_location(ast.Name("PARAMS"), ast.parse("x").body[0]))
                found["dags"] = [{"id": None, "line": 1, "params": params}]
            except Computed as computed:
                found["dags"] = [{"id": None, "line": 1, "params": None, "computed": computed.line}]
    except SyntaxError as error:
        found = {"error": "%s:%s: %s" % (os.path.basename(error.filename or path), error.lineno, error.msg)}
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        found = {"error": str(error) or type(error).__name__}
    json.dump(found, sys.stdout)


main(sys.argv[1])
