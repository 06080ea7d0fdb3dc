#!/usr/bin/env python3
"""Checks what Diglot is built from against deny.toml: licences, banned crates, sources.

Reads `cargo metadata` (every crate of the lock file, for all platforms) and the lock file of the embedded pages.
Exit code 1 and one line per finding when something is not allowed.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Packages of the pages' lock file under another licence, and why that does no harm. cargo-deny knows crates only, so
# they do not stand in deny.toml.
PAGE_EXCEPTIONS = {
    "argparse": {"Python-2.0"},  # permissive; used by the command line of markdown-it, which the pages leave out
}


def tokens(expression):
    """Splits an SPDX expression; older crates write `/` where they mean OR."""
    expression = re.sub(r"\s*/\s*", " OR ", expression)
    return re.findall(r"[()]|[^\s()]+", expression)


def permitted(expression, allowed):
    """Whether some choice that the expression leaves open needs allowed licences only."""
    rest = tokens(expression)

    def either():
        value = both()
        while rest and rest[0].upper() == "OR":
            rest.pop(0)
            value = both() or value
        return value

    def both():
        value = one()
        while rest and rest[0].upper() == "AND":
            rest.pop(0)
            value = one() and value
        return value

    def one():
        if not rest:
            raise ValueError("ends too early")
        name = rest.pop(0)
        if name == "(":
            value = either()
            if not rest or rest.pop(0) != ")":
                raise ValueError("lacks a closing parenthesis")
            return value
        if name == ")" or name.upper() in ("AND", "OR", "WITH"):
            raise ValueError(f"has {name} where a licence should stand")
        if rest and rest[0].upper() == "WITH":
            rest.pop(0)
            name = f"{name} WITH {rest.pop(0) if rest else ''}"
        return name in allowed

    value = either()
    if rest:
        raise ValueError(f"has {rest[0]} where it should end")
    return value


def licence_finding(name, expression, allowed):
    """What is wrong with one package's licence, or None."""
    if not expression:
        return f"{name}: names no licence"
    try:
        if permitted(expression, allowed):
            return None
    except ValueError as error:
        return f"{name}: the licence expression {expression!r} {error}"
    return f"{name}: the licence {expression} is not allowed"


def crates():
    """All crates of the lock file."""
    # Through --filter-platform fewer would be seen, and a licence would depend on the machine that asks.
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version=1", "--locked", "--all-features"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)["packages"]


def check_crates(policy):
    licences, bans = policy["licenses"], policy["bans"]
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in licences.get("exceptions", [])}
    banned = {entry["crate"]: entry.get("reason", "") for entry in bans.get("deny", [])}
    packages = crates()
    findings = []
    registries = set()
    for package in packages:
        name = f"{package['name']} {package['version']}"
        allowed = set(licences["allow"]) | exceptions.get(package["name"], set())
        findings.append(licence_finding(name, package["license"], allowed))
        if package["name"] in banned:
            findings.append(f"{name}: banned, {banned[package['name']]}")
        source = package["source"]
        if source is None:  # a crate of this repository
            findings += wildcards(package)
        elif source.startswith("registry+"):
            registries.add(source)
        else:
            findings.append(f"{name}: comes from {source}, not from the registry")
    if len(registries) > 1:
        findings.append(f"crates come from several registries: {', '.join(sorted(registries))}")
    for crate in exceptions.keys() - {package["name"] for package in packages}:
        findings.append(f"deny.toml has an exception for {crate}, which is not used")
    return len(packages), findings


def wildcards(package):
    """Dependencies of one of our crates that would take any version."""
    for dependency in package["dependencies"]:
        if dependency["req"] == "*" and not dependency.get("path"):
            yield f"{package['name']}: the dependency {dependency['name']} takes any version"


def check_pages(policy, lock):
    """Packages whose code ends in the embedded pages; tools that only build them are not part of what is given away."""
    packages = {
        path.rpartition("node_modules/")[2]: entry
        for path, entry in json.loads(lock.read_text())["packages"].items()
        if path and not entry.get("dev") and not entry.get("link")
    }
    findings = []
    for name, entry in packages.items():
        allowed = set(policy["licenses"]["allow"]) | PAGE_EXCEPTIONS.get(name, set())
        findings.append(licence_finding(f"{name} {entry.get('version')} (pages)", entry.get("license"), allowed))
    for name in PAGE_EXCEPTIONS.keys() - packages.keys():
        findings.append(f"licences.py has an exception for {name}, which is not used")
    return len(packages), findings


def main():
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    count, findings = check_crates(policy)
    lock = ROOT / "playground" / "package-lock.json"
    page_count, page_findings = check_pages(policy, lock)
    findings = [finding for finding in findings + page_findings if finding]
    print("\n".join(findings + [f"{count} crates and {page_count} packages of the pages, {len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
