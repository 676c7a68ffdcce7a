"""Runs at the start of every Python below a Polybolt child: PYTHONPATH leads here.

In the one process that runs the component, a script or module of the bundle, it
imports polybolt, which takes over the standard streams before user code prints.
In any other (poetry, a test runner, a grandchild) it leaves the marker where it
is. Then it hands on to the sitecustomize that this file hides. Kept small: it
is part of every start.
"""

import os
import sys


def _main_file(argv):
    """Return the file that argv, a Python command line, runs; None for -c, a prompt or what cannot be found."""
    i = 1
    while i < len(argv):
        arg = argv[i]
        if arg == "--check-hash-based-pycs":
            i += 2
        elif arg == "-" or not arg.startswith("-"):
            return None if arg == "-" else arg
        elif arg.startswith("--"):
            i += 1
        else:
            for j in range(1, len(arg)):  # a cluster of short options, of which the last may take a value
                letter = arg[j]
                value = arg[j + 1 :] or (argv[i + 1] if i + 1 < len(argv) else "")
                if letter == "c":
                    return None
                if letter == "m":
                    return _module_file(value)
                if letter in "WX":
                    i += not arg[j + 1 :]
                    break
            i += 1
    return None


def _module_file(name):
    path = name.replace(".", os.sep)
    for folder in [os.getcwd(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]:
        for tail in (".py", os.sep + "__main__.py"):
            if os.path.isfile(os.path.join(folder, path + tail)):
                return os.path.join(folder, path + tail)
    return None


def _is_component(bundle):
    argv = getattr(sys, "orig_argv", None)  # Python 3.10
    if argv is None:
        try:
            with open("/proc/self/cmdline", "rb") as f:
                argv = os.fsdecode(f.read()).split("\0")[:-1]
        except OSError:
            return False  # then importing polybolt takes over
    path = _main_file(argv)
    if path is None:
        return False
    for form in (os.path.abspath, os.path.realpath):
        inside = os.path.relpath(form(path), form(bundle)).split(os.sep)
        if inside[0] != ".." and not {"node_modules", ".venv", "venv", "site-packages"}.intersection(inside):
            return True
    return False


def _hand_on():
    """Run the next sitecustomize along sys.path, as if this one were not there."""
    import _frozen_importlib
    import _frozen_importlib_external

    here = os.path.dirname(os.path.abspath(__file__))
    rest = [p for p in sys.path if os.path.abspath(p) != here]
    spec = _frozen_importlib_external.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = _frozen_importlib.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if "POLYBOLT_BUNDLE" in os.environ and _is_component(os.environ["POLYBOLT_BUNDLE"]):
    import polybolt  # noqa: F401
_hand_on()
