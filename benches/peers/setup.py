"""Installs what a measurement needs and the machine hasn't (Debian, Ubuntu; as root or with passwordless sudo)."""

import os
import shutil
import subprocess
import sys


def install_programs(needed: dict[str, tuple[str, ...]]) -> None:
    """Programs, and the packages that bring them. By program: what is there may have come from anywhere."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [package for program, packages in needed.items() if not shutil.which(program, path=path)
               for package in packages]
    if not missing:
        return
    print("installing:", *missing, file=sys.stderr)
    root = ["env"] if os.geteuid() == 0 else ["sudo", "-n", "env"]
    for command in (["apt-get", "update", "-q"],
                    ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]):
        # `RUNLEVEL`: services that come with a package stay off.
        done = subprocess.run([*root, "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", *command], stdout=sys.stderr)
        if done.returncode:
            sys.exit(f"please install these, or what your system calls them: {' '.join(missing)}")
