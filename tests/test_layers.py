"""Imports run one way. Every module has a place in a layer and may import its own layer and those before it."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = [
    {
        "errors",
        "glossary",
        "options",
        "pictures",
        "places",
        "processes",
        "devices",
        "memory",
        "tables",
        "words",
        "reading",
    },
    {"events", "data", "models", "objectives", "latent"},
    {"config"},
    {"models.build"},  # of a whole config
    {"training"},
    {"runs"},
    {
        "inference",
        "evaluation",
        "export",
        "sweep",
        "comparison",
        "diagnosis",
        "animation",
        "umap_process",
        "study",
    },
    {"uses"},
    {"lessons"},
    {"cli", "__init__"},
]
APP = [
    {"__init__", "plots", "components", "services", "words"},
    {"state", "web", "boundary", "layout"},
    {"widgets"},
    {"views"},
    {"main"},
    {"server"},
]
LAYERS = {"vae_core": CORE, "app": APP}
HEAVY = {
    "umap",
    "sklearn",
    "skimage",
    "constriction",
    "torchvision",
    "plotly.express",
    "onnx",
    "onnxscript",
    "scipy",
    "optuna",
    "sqlalchemy",
    "botorch",
    "ray",
}


@functools.cache
def files():
    return [path for package in LAYERS for path in sorted((ROOT / package).rglob("*.py"))]


@functools.cache
def tree(path):
    """A file as Python reads it, once for all that is asked of it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path, *, top_level_only=False):
    """Dotted names a file imports; `from a import b` gives both a and a.b, since b may be a module."""
    names = set()

    def walk(node, inside_function):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                continue  # imports are statements
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                if not top_level_only:
                    walk(child, inside_function)
                continue
            if not (top_level_only and inside_function):
                if isinstance(child, ast.Import):
                    names.update(alias.name for alias in child.names)
                elif isinstance(child, ast.ImportFrom):
                    assert child.level == 0, f"{path}:{child.lineno}: imports are absolute here"
                    names.add(child.module)
                    names.update(f"{child.module}.{alias.name}" for alias in child.names)
            walk(
                child,
                inside_function or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)),
            )

    walk(tree(path), False)
    return names


def place(package, parts):
    """The layer of a module, by its dotted name below the package; a longer name goes before a shorter."""
    for length in range(len(parts), 0, -1):
        for number, layer in enumerate(LAYERS[package]):
            if ".".join(parts[:length]) in layer:
                return number
    raise AssertionError(f"{package}.{parts[0]} has no layer yet: give it one at the top of this file")


def own(path):
    relative = path.relative_to(ROOT).with_suffix("").parts
    return relative[0], relative[1:]


def starts(name, module):
    return name == module or name.startswith(f"{module}.")


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_above_it(path):
    package, module = own(path)
    here = place(package, module)
    if module == ("__init__",) and package == "vae_core":
        return  # it hands out names of every layer, when asked for them
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == package and len(parts) > 1 and is_module(parts[:2]):
            there = place(package, parts[1:])
            assert there <= here, f"{name} stands below {package}.{'.'.join(module)}"


def is_module(parts):
    base = ROOT.joinpath(*parts)
    return base.with_suffix(".py").exists() or base.is_dir()


def test_modules_do_not_import_each_other_in_a_circle():
    """Among whole files, imports inside functions too, of the core."""
    edges = {}
    for path in (ROOT / "vae_core").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name != "vae_core":
            edges[name] = {n for n in imports(path) if n.startswith("vae_core.") and n != name}
    done, active = set(), []

    def visit(name):
        if name in active:
            raise AssertionError(" → ".join([*active[active.index(name) :], name]))
        if name in done or name not in edges:
            return
        active.append(name)
        for other in sorted(edges[name]):
            # a package's own parts may be named by it and name each other
            if not (starts(name, other) or starts(other, name)):
                visit(other)
        active.pop()
        done.add(name)

    for name in edges:
        visit(name)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "vae_core").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_the_core_knows_no_interface(path):
    for name in imports(path):
        for forbidden in ("streamlit", "plotly", "app", "starlette", "uvicorn"):
            assert not starts(name, forbidden), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_heavy_is_imported_before_it_is_needed(path):
    for name in imports(path, top_level_only=True):
        for heavy in HEAVY:
            assert not starts(name, heavy), f"{path.name} imports {name} at its top"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_torchvision_is_imported_in_one_place(path):
    if path.name != "torchvision_safe.py":
        assert not any(starts(name, "torchvision") for name in imports(path))


@pytest.mark.parametrize("path", sorted((ROOT / "app" / "plots").rglob("*.py")), ids=lambda p: p.name)
def test_plots_are_drawn_from_arrays_alone(path):
    for name in imports(path):
        for forbidden in ("streamlit", "torch", "vae_core"):
            assert not starts(name, forbidden), f"{path.name} imports {name}"


def test_views_never_import_each_other():
    """A view of many parts is a package, whose modules may name each other."""
    views = ROOT / "app" / "views"
    for path in sorted(views.rglob("*.py")):
        parts = path.relative_to(views).parts
        package = f"app.views.{parts[0]}" if len(parts) > 1 else "no package"
        for name in imports(path):
            allowed = not starts(name, "app.views") or starts(name, package)
            assert allowed, f"{path.relative_to(views)} imports {name}"


def test_views_keep_nothing():
    """A page's script runs anew at every click, and a cache in it would begin empty each time."""
    views = ROOT / "app" / "views"
    for path in sorted([*views.glob("*.py"), *views.glob("*/page.py")]):
        for node in tree(path).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                calls = [c for c in ast.walk(node.value) if isinstance(c, ast.Call)]
                assert not calls, f"{path.name}:{node.lineno} makes something; keep it in a module beside"
            for decorator in getattr(node, "decorator_list", []):
                assert "cache" not in ast.unparse(decorator), f"{path.name}:{node.lineno}"


def test_importing_the_whole_core_loads_nothing_heavy():
    """The same, asked of Python itself."""
    modules = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for p in (ROOT / "vae_core").rglob("*.py")
    ]
    heavy = sorted(HEAVY | {"streamlit", "plotly", "numba", "torch._dynamo"})
    code = f"import sys, {', '.join(modules)}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_this_file_sees_what_it_should(tmp_path):
    source = tmp_path / "x.py"
    source.write_text(
        "from __future__ import annotations\nimport a.b\nfrom c import d\n"
        "if TYPE_CHECKING:\n    import e\n"
        "def f():\n    import g\n    class H:\n        from i import j\n"
        "class K:\n    import l\n"
    )
    assert imports(source) >= {"a.b", "c", "c.d", "e", "g", "i", "i.j", "l"}
    assert imports(source, top_level_only=True) >= {"a.b", "c.d", "l"}
    assert not imports(source, top_level_only=True) & {"e", "g", "i"}
    assert place("vae_core", ["errors"]) < place("vae_core", ["training"]) < place("vae_core", ["cli"])
    with pytest.raises(AssertionError, match="has no layer yet"):
        place("vae_core", ["magic"])
